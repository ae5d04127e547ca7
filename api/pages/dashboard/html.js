// Preact without a compiler: html`<p>...</p>` makes what JSX would make.
import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);
