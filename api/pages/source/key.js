// What the page remembers.
// The caller's key: in this tab's memory and session storage, never in an address and never in lasting storage.

const NAME = "brokergraph:key";

/** The key that this tab was given, else the demo's, else none. */
export function rememberedKey(demoKey) {
  return sessionStorage.getItem(NAME) ?? demoKey;
}

export function rememberKey(key) {
  sessionStorage.setItem(NAME, key);
}

const PLAN = "brokergraph:plan";

/** Whether the last visit asked for call plans. */
export function rememberedPlan() {
  return localStorage.getItem(PLAN) === "on";
}

export function rememberPlan(wanted) {
  localStorage.setItem(PLAN, wanted ? "on" : "off");
}
