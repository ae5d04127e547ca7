// What a screen reader says without being asked. The region is in the page from the start, as readers need it.
import { signal } from "@preact/signals";
import { html } from "./html.js";

const words = signal("");

export function announce(text) {
  words.value = text;
}

export function Announcer() {
  return html`<div class="unseen" role="status" aria-live="polite">${words}</div>`;
}
