// The start of the dashboard: a sign-in, then the page that the address names.
import "./bundler.js";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Announcer } from "./announce.js";
import { useAnswer } from "./answer.js";
import { html } from "./html.js";
import { comeBack, isComing } from "./oidc.js";
import { pageOf } from "./pages.js";
import { SignIn } from "./pages/signin.js";
import { Shell } from "./parts/shell.js";
import { Failure, Loading } from "./parts/states.js";
import { route } from "./router.js";
import { credential, signIn, viewer } from "./session.js";
import "./theme.js";
import { language, t } from "./text.js";

function App() {
  return html`<${Screen} /><${Announcer} />`;
}

function Screen() {
  if (isComing.value) return html`<main class="signin"><${Loading} /></main>`;
  if (!credential.value) return html`<${SignIn} />`;
  if (!viewer.value) return html`<${Opening} />`;
  return html`<${Shell}><${Page} key=${route.value.parts.join("/")} /><//>`;
}

/** After a reload the tab has a credential, and asks the graph whose it is. */
function Opening() {
  const { data, problem, again } = useAnswer("viewer", {}, { persist: true });
  useEffect(() => {
    if (data) signIn(credential.value, data.viewer);
  }, [data]);
  return html`
    <main class="signin">${problem ? html`<${Failure} problem=${problem} again=${again} />` : html`<${Loading} />`}</main>
  `;
}

let isFirst = true;

function Page() {
  const { title, page } = pageOf(route.value.parts);
  const main = useRef();
  useEffect(() => {
    // A page that a link led to begins at its top, for the eye, the keyboard and a screen reader.
    if (!isFirst) {
      scrollTo(0, 0);
      main.current.focus({ preventScroll: true });
    }
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${t(title)} · brokergraph`;
  }, [title, language.value]);
  return html`<main id="main" tabindex="-1" ref=${main}>${page}</main>`;
}

comeBack();
render(html`<${App} />`, document.getElementById("app"));
