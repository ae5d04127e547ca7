// A signal that survives a reload. Choices of the person (language, theme) live in localStorage; everything that belongs
// to a sign-in lives in sessionStorage, which ends with the tab.
import { effect, signal } from "@preact/signals";

export function storedSignal(storage, name, initial) {
  const key = `brokergraph:${name}`;
  const text = storage.getItem(key);
  const value = signal(text === null ? initial : JSON.parse(text));
  effect(() => {
    if (value.value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value.value));
  });
  return value;
}
