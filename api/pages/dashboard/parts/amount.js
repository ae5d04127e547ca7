// An amount on the screen: every digit of the graph's text, figures of one width, from left to right in every language.
import { html } from "../html.js";
import { grouped, isNegative } from "../money.js";

export function Amount({ value, unit }) {
  if (value === null || value === undefined) return html`<span class="none">–</span>`;
  const classes = isNegative(value) ? "num negative" : "num";
  return html`<bdi class=${classes} dir="ltr">${grouped(value)}${unit && html` <span class="unit">${unit}</span>`}</bdi>`;
}

export function Money({ money }) {
  return html`<${Amount} value=${money?.amount} unit=${money?.currency} />`;
}
