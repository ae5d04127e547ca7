// The address decides what is shown: #/clients/500608?tab=... Reload, back and a shared link work everywhere.
import { signal } from "@preact/signals";

const FIRST = "clients";

export const route = signal(read());

addEventListener("hashchange", () => (route.value = read()));

function read() {
  const [path, query] = location.hash.slice(1).split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts: parts.length ? parts : [FIRST], query: new URLSearchParams(query) };
}

/** A link that was cut in the middle of a character leads to a page that does not exist, and not to an empty screen. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page. Parameters without a value are left out. */
export function href(parts, parameters = {}) {
  const path = parts.map(encodeURIComponent).join("/");
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

export function go(parts, parameters) {
  location.hash = href(parts, parameters);
}

/** The same page with other parameters; the old address is replaced, so that typing makes no history. */
export function adjust(parameters) {
  const { parts, query } = route.value;
  history.replaceState(null, "", href(parts, { ...Object.fromEntries(query), ...parameters }));
  route.value = read();
}

/** A whole number of the address, such as a client's; null for any other text. Amounts never come this way. */
export function whole(text) {
  return /^\d{1,9}$/.test(text ?? "") ? JSON.parse(text.replace(/^0+(?=\d)/, "")) : null;
}
