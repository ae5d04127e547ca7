// The caller of this tab: an API key or a token of an issuer, and what the graph says about it.
import { batch, signal } from "@preact/signals";
import { storedSignal } from "./stored.js";

export const credential = storedSignal(sessionStorage, "credential", null);
export const viewer = signal(null);
/** Why the person has to sign in again: a key of the texts, or null. */
export const endedBecause = signal(null);

export function signIn(value, caller) {
  batch(() => {
    credential.value = value;
    viewer.value = caller;
    endedBecause.value = null;
  });
}

export function signOut(reason = null) {
  batch(() => {
    credential.value = null;
    viewer.value = null;
    endedBecause.value = reason;
  });
}

/** Whether the caller holds a scope. The graph decides; this only avoids questions that it would refuse. */
export function may(scope) {
  return viewer.value?.scopes.includes(scope) ?? false;
}
