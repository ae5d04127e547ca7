// What an operator runs about an instruction in doubt. Two people decide, at the server and not in a page.
import { announce } from "../announce.js";
import { html } from "../html.js";
import { t } from "../text.js";

export function Review({ id }) {
  const commands = [
    `brokergraph instructions show ${id}`,
    `brokergraph instructions resolve ${id} --as CONFIRMED --decided-by NAME --confirmed-by NAME --reason "..."`,
  ];
  return html`
    <div class="review">
      <p>${t("review.what")}</p>
      ${commands.map((one) => html`<${Command} text=${one} />`)}
    </div>
  `;
}

function Command({ text }) {
  const copy = () => navigator.clipboard.writeText(text).then(() => announce(t("review.copied")));
  return html`
    <div class="command">
      <code dir="ltr" tabindex="0">${text}</code>
      ${navigator.clipboard && html`<button type="button" onClick=${copy}>${t("review.copy")}</button>`}
    </div>
  `;
}
