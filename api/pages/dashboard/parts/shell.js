// The frame of every page after the sign-in: the links to the pages, and the name of the caller.
import { html } from "../html.js";
import { streams } from "../graph.js";
import { href, route } from "../router.js";
import { may, signOut, viewer } from "../session.js";
import { isDark, switchTheme } from "../theme.js";
import { LANGUAGES, language, t } from "../text.js";

const PAGES = [
  ["clients", "client:read"],
  ["instructions", "instruction:read"],
  ["approvals", "instruction:read"],
  ["health", null],
];

export function Shell({ children }) {
  return html`
    <a class="skip" href="#main" onClick=${skip}>${t("shell.skip")}</a>
    <header class="bar">
      <a class="brand" href=${href(["clients"])}>brokergraph</a>
      <nav aria-label=${t("shell.pages")}>${PAGES.map(([name, scope]) => html`<${Tab} name=${name} scope=${scope} />`)}</nav>
      <div class="tools">
        <${Streams} />
        <${Tools} />
        <span class="caller" title=${viewer.value.scopes.join(", ")}>${viewer.value.name}</span>
        <button type="button" onClick=${() => signOut()}>${t("shell.signOut")}</button>
      </div>
    </header>
    ${children}
  `;
}

function Tab({ name, scope }) {
  if (scope && !may(scope)) return null;
  const isHere = route.value.parts[0] === name;
  return html`<a href=${href([name])} aria-current=${isHere ? "page" : null}>${t(`${name}.title`)}</a>`;
}

/** Language and theme, which the sign-in page has too. */
export function Tools() {
  return html`
    <select aria-label=${t("shell.language")} value=${language.value} onChange=${(e) => (language.value = e.target.value)}>
      ${Object.entries(LANGUAGES).map(([code, { name }]) => html`<option value=${code} lang=${code}>${name}</option>`)}
    </select>
    <button type="button" class="icon" aria-label=${t("shell.theme")} title=${t("shell.theme")} onClick=${switchTheme}>
      ${isDark() ? "☀" : "☾"}
    </button>
  `;
}

function Streams() {
  const name = `streams.${streams.value}`;
  return html`<span class=${`streams ${streams.value}`} title=${t(name)}><span class="unseen">${t(name)}</span></span>`;
}

/** The router owns the hash, so that the link itself would lead to another page. */
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}
