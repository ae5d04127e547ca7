// Amounts are texts from the graph to the screen. A number would lose digits: 0.1 + 0.2 is not 0.3.

/** Thousands apart, every digit kept: "-1234567.8900" becomes "-1,234,567.8900". */
export function grouped(amount) {
  const [whole, fraction] = amount.split(".");
  const apart = whole.replace(/\B(?=(?:\d{3})+$)/g, ",");
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}

/** What a person typed, as the graph takes it: the thousands' commas and blanks go away, all else is the graph's to judge. */
export function typed(text) {
  return text.replace(/[\s,]/g, "");
}

export const isNegative = (amount) => amount.startsWith("-");
