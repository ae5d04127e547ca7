// A command that moves money, as it is typed and sent. It is stored in this tab before it is sent, with its idempotency
// key: a reload in the middle sends the same command with the same key, which is booked once.
import { storedSignal } from "./stored.js";

const drafts = new Map();

/**
 * The draft of this caller for this account: { phase, key, amount, note, outcome }. The phases are "editing", "sending",
 * "unanswered" (no answer came, so that the outcome is not known) and "answered".
 */
export function draftOf(caller, kind, server, login) {
  const name = `draft:${caller}:${kind}:${server}:${login}`;
  if (!drafts.has(name)) drafts.set(name, storedSignal(sessionStorage, name, emptyDraft()));
  return drafts.get(name);
}

/** Whether nothing more can come of the command. */
export function isOver({ phase, outcome }) {
  return phase === "answered" && (!outcome.instruction || isFinal(outcome.instruction));
}

export function isFinal({ status }) {
  return status === "CONFIRMED" || status === "REJECTED";
}

export function emptyDraft() {
  return { phase: "editing", key: newKey(), amount: "", note: "", outcome: null };
}

function newKey() {
  // crypto.randomUUID exists only on https; this exists everywhere.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `dashboard-${[...bytes].map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}
