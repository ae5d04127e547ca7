// A value of an enum as a word with a colour. The colour only repeats what the word says.
import { html } from "../html.js";
import { word } from "../text.js";

const TONES = {
  good: ["APPROVED", "REAL", "OK", "CONFIRMED", "UP", "ACTIVE"],
  wait: ["NEEDS_APPROVAL", "RECEIVED", "SENT", "UNKNOWN", "PENDING_APPROVAL", "ON_HOLD", "DEGRADED", "READONLY", "RESTRICTED"],
  bad: ["NEEDS_REVIEW", "REJECTED", "BLOCKED", "DOWN", "CLOSED"],
};

export function Badge({ kind, value }) {
  const [tone = "plain"] = Object.keys(TONES).filter((name) => TONES[name].includes(value));
  return html`<span class=${`badge ${tone}`}>${word(kind, value)}</span>`;
}
