// The sign-in: an API key, or an issuer of the settings. The key stays in this tab.
import { useSignal } from "@preact/signals";
import { ask } from "../graph.js";
import { html } from "../html.js";
import { failure, leaveFor } from "../oidc.js";
import { Tools } from "../parts/shell.js";
import { endedBecause, signIn } from "../session.js";
import { settings } from "../settings.js";
import { t, word } from "../text.js";

export function SignIn() {
  const key = useSignal(settings.demoKey ?? "");
  const refusal = useSignal(endedBecause.value && t(endedBecause.value));
  const reason = refusal.value ?? failure.value;
  const isAsking = useSignal(false);

  async function submit(event) {
    event.preventDefault();
    isAsking.value = true;
    refusal.value = await refusalOf(key.value.trim());
    isAsking.value = false;
  }

  return html`
    <main id="main" class="signin">
      <div class="tools"><${Tools} /></div>
      <h1>brokergraph</h1>
      <p class="hint">${t("signin.what")}</p>
      <form onSubmit=${submit}>
        <label for="key">${t("signin.key")}</label>
        <input
          id="key" type="password" dir="ltr" autocomplete="off" required value=${key} aria-describedby="key-hint reason"
          onInput=${(event) => (key.value = event.target.value)}
        />
        <p class="hint" id="key-hint">${t(settings.demoKey ? "signin.demo" : "signin.keyHint", { key: settings.demoKey })}</p>
        <p class="reason" id="reason" role="alert">${reason}</p>
        <button class="main" type="submit" disabled=${isAsking}>${t("signin.submit")}</button>
      </form>
      ${settings.issuers.map((one) => html`<${Issuer} issuer=${one} />`)}
    </main>
  `;
}

/** Why the key is not accepted; null after the sign-in. */
async function refusalOf(key) {
  try {
    const { data } = await ask("viewer", {}, key);
    signIn(key, data.viewer);
    return null;
  } catch (problem) {
    return problem.code === "UNAUTHENTICATED" ? t("signin.refused") : word("problem", problem.code);
  }
}

function Issuer({ issuer }) {
  return html`<button type="button" onClick=${() => leaveFor(issuer)}>${t("signin.issuer", { name: issuer.name })}</button>`;
}
