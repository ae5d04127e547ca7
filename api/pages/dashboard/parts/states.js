// What stands in the place of data: nothing yet, nothing at all, no permission, a failure.
import { html } from "../html.js";
import { t, word } from "../text.js";

export function Loading({ rows = 3 }) {
  const lines = Array.from({ length: rows }, () => html`<span class="bone"></span>`);
  return html`<div class="loading"><span class="unseen">${t("state.loading")}</span>${lines}</div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p>${title}</p>${children}</div>`;
}

/** The caller's key lacks the scope. The rest of the page works. */
export function Forbidden({ scope }) {
  return html`<div class="empty"><p>${t("state.forbidden", { scope })}</p></div>`;
}

export function Failure({ problem, again }) {
  return html`
    <div class="failure" role="alert">
      <p><strong>${word("problem", problem.code)}</strong> ${problem.message && html`<bdi>${problem.message}</bdi>`}</p>
      ${again && html`<button type="button" onClick=${again}>${t("state.again")}</button>`}
    </div>
  `;
}

/** An upstream failed. Its part of the page is asked again until it heals. */
export function Silence({ system, code }) {
  const words = t("accounts.silent", { system: word("system", system), problem: word("problem", code) });
  return html`<div class="partial" role="status"><p><strong>${words}</strong></p><p>${t("state.asksAgain")}</p></div>`;
}

/** The answer came, but a part of it is missing: each part names its error. */
export function Partial({ errors }) {
  if (!errors.length) return null;
  return html`
    <div class="partial" role="status">
      ${errors.map((one) => html`<p><strong>${word("problem", one.code)}</strong> <bdi>${one.message}</bdi></p>`)}
    </div>
  `;
}
