// The start of the dashboard: a sign-in, then the page that the address names.
import "./bundler.js";
import { effect } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Announcer } from "./announce.js";
import { ask } from "./graph.js";
import { html } from "./html.js";
import { comeBack } from "./oidc.js";
import { pageOf } from "./pages.js";
import { Shell } from "./parts/shell.js";
import { SignIn } from "./pages/signin.js";
import { route } from "./router.js";
import { credential, signIn, viewer } from "./session.js";
import "./theme.js";
import { t } from "./text.js";

function App() {
  if (!credential.value) return html`<${SignIn} /><${Announcer} />`;
  if (!viewer.value) return html`<${Announcer} />`;
  return html`<${Shell}><${Page} key=${route.value.parts.join("/")} /><//><${Announcer} />`;
}

let isFirst = true;

function Page() {
  const { title, page } = pageOf(route.value.parts);
  const main = useRef();
  useEffect(() => {
    document.title = `${t(title)} · brokergraph`;
    // A page that a link led to begins at its top, for the eye, the keyboard and a screen reader.
    if (!isFirst) {
      scrollTo(0, 0);
      main.current.focus({ preventScroll: true });
    }
    isFirst = false;
  }, []);
  return html`<main id="main" tabindex="-1" ref=${main}>${page}</main>`;
}

// A reload keeps the credential, and asks the graph again whose it is.
effect(() => {
  if (!credential.value || viewer.peek()) return;
  const value = credential.value;
  ask("viewer").then(
    ({ data }) => signIn(value, data.viewer),
    () => {},
  );
});

await comeBack();
render(html`<${App} />`, document.getElementById("app"));
