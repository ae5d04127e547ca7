// Light or dark: the system's choice until the person makes one. style.css has both colours of everything.
import { effect } from "@preact/signals";
import { storedSignal } from "./stored.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

export const theme = storedSignal(localStorage, "theme", null);

export const isDark = () => (theme.value ? theme.value === "dark" : dark.matches);

export function switchTheme() {
  theme.value = isDark() ? "light" : "dark";
}

effect(() => {
  if (theme.value) document.documentElement.dataset.theme = theme.value;
});
