// Amounts are texts from the graph to the screen. A number would lose digits: 0.1 + 0.2 is not 0.3.

/** Thousands apart, every digit kept: "-1234567.8900" becomes "-1,234,567.8900". */
export function grouped(amount) {
  const [whole, fraction] = amount.split(".");
  const apart = whole.replace(/\B(?=(?:\d{3})+$)/g, ",");
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}

// Thousands by spaces, and by commas where these can be nothing else.
const THOUSANDS = /^[1-9]\d{0,2}((\s\d{3})+(\.\d+)?|(,\d{3})+\.\d+|(,\d{3}){2,})$/;

/**
 * What a person typed, as the graph takes it: without what separates thousands. Any other comma stays, and is refused:
 * "25,50" may mean 25.50 and must not become 2550, and "1,025" may mean 1.025 and must not become 1025.
 */
export function typed(text) {
  const amount = text.trim();
  return THOUSANDS.test(amount) ? amount.replace(/[,\s]/g, "") : amount;
}

/** Whether the graph can read the amount. Whether the amount is right is the graph's to judge. */
export const isReadable = (amount) => /^-?\d+(\.\d+)?$/.test(amount);

export const isNegative = (amount) => amount.startsWith("-");
