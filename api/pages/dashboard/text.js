// What the page says, in the person's language, and the direction of that language.
import { computed, effect } from "@preact/signals";
import { storedSignal } from "./stored.js";
import { english } from "./text/english.js";
import { hebrew } from "./text/hebrew.js";

export const LANGUAGES = { en: { name: "English", texts: english, direction: "ltr" } };
LANGUAGES.he = { name: "עברית", texts: hebrew, direction: "rtl" };

const preferred = navigator.languages.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES);

export const language = storedSignal(localStorage, "language", preferred ?? "en");
export const direction = computed(() => LANGUAGES[language.value].direction);

/** The text with its values: t("age.seconds", { n: 12 }). A text that a language lacks is shown in English. */
export function t(name, values = {}) {
  const text = LANGUAGES[language.value].texts[name] ?? english[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** The word for a value of an enum of the graph. A value that this version does not know is shown as it is. */
export function word(kind, value) {
  const name = `${kind}.${value}`;
  return name in english ? t(name) : value;
}

effect(() => {
  document.documentElement.lang = language.value;
  document.documentElement.dir = direction.value;
});
