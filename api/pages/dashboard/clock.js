// Times and ages. `now` moves once a second, and only for what is on the screen and reads it.
import { signal } from "@preact/signals";
import { language, t } from "./text.js";

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1000);

const STEPS = [
  [60, 1, "age.seconds"],
  [3600, 60, "age.minutes"],
  [86400, 3600, "age.hours"],
  [Infinity, 86400, "age.days"],
];

/** "12 s": the age of a figure. A clock that is ahead of the server's shows 0. */
export function age(time) {
  const seconds = Math.max(0, Math.floor((now.value - Date.parse(time)) / 1000));
  const [, unit, name] = STEPS.find(([limit]) => seconds < limit);
  return t(name, { n: Math.floor(seconds / unit) });
}

export function moment(time) {
  return format(time, { dateStyle: "medium", timeStyle: "medium" });
}

export function day(time) {
  return format(time, { dateStyle: "medium" });
}

function format(time, options) {
  return new Intl.DateTimeFormat(language.value, options).format(new Date(time));
}

/** The moment so many days ago, as the graph takes it. */
export function daysAgo(days) {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}
