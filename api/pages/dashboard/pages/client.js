// One client: its name and statuses, its money by currency, its accounts with live figures, and its instructions.
import { useEffect } from "preact/hooks";
import { useAnswer } from "../answer.js";
import { follow } from "../graph.js";
import { html } from "../html.js";
import { Accounts } from "../parts/accounts.js";
import { AccountDetails } from "../parts/account_details.js";
import { Money } from "../parts/amount.js";
import { Badge } from "../parts/badge.js";
import { Balances } from "../parts/balances.js";
import { ClientInstructions } from "../parts/client_instructions.js";
import { Empty, Failure, Forbidden, Loading, Partial } from "../parts/states.js";
import { href, route, whole } from "../router.js";
import { may } from "../session.js";
import { t } from "../text.js";

export function Client({ number }) {
  const clientNumber = whole(number);
  const balances = may("balance:read");
  const answer = useAnswer("client", { clientNumber, balances }, { skip: clientNumber === null });
  const client = answer.data?.client;
  // A text that is no number is no client's.
  const isKnown = answer.data || clientNumber === null;
  useBalances(answer, clientNumber, balances && Boolean(client));
  return html`
    <p class="back"><a href=${href(["clients"])}>${t("client.back")}</a></p>
    ${answer.problem && html`<${Failure} problem=${answer.problem} again=${answer.again} />`}
    ${!isKnown && answer.loading && html`<h1>${t("client.title")}</h1><${Loading} rows=${8} />`}
    ${isKnown && !client && html`<h1>${t("client.title")}</h1><${Empty} title=${t("client.none")} />`}
    ${client && html`<${Profile} client=${client} errors=${answer.errors} />`}
  `;
}

/** The balances as they change, in the place of those of the first answer. */
function useBalances(answer, clientNumber, isOn) {
  useEffect(() => {
    if (!isOn) return;
    return follow("balancesChanged", { clientNumbers: [clientNumber] }, ({ clientBalancesChanged: { client } }) => {
      answer.set({ client: { ...answer.latest().client, ...client } });
    });
  }, [clientNumber, isOn]);
}

function Profile({ client, errors }) {
  const accounts = client.tradingAccounts.nodes;
  const chosen = accounts.find((one) => one.id === route.value.query.get("account"));
  const selected = chosen ?? accounts.find((one) => one.server.hasDailyReports) ?? accounts[0];
  return html`
    <header class="profile">
      <div>
        <h1><bdi>${client.fullName || "–"}</bdi></h1>
        <p class="hint"><bdi class="num">${client.clientNumber}</bdi> · <bdi>${client.email || "–"}</bdi> · ${t("client.agency", { n: client.agency })}</p>
      </div>
      <dl class="totals">
        <div><dt>${t("clients.status")}</dt><dd><${Badge} kind="erpStatus" value=${client.erpStatus.code} /></dd></div>
        <div>
          <dt>${t("clients.website")}</dt>
          <dd>${client.webStatus ? html`<${Badge} kind="webStatus" value=${client.webStatus.code} />` : "–"}</dd>
        </div>
        <div><dt>${t("clients.standing")}</dt><dd><${Badge} kind="standing" value=${client.standing} /></dd></div>
        <div><dt>${t("clients.balance")}</dt><dd class="large"><${Money} money=${client.totalFloatingBalance} /></dd></div>
      </dl>
    </header>
    <${Partial} errors=${errors} />
    <section aria-labelledby="balances">
      <h2 id="balances">${t("balances.title")}</h2>
      ${may("balance:read") ? html`<${Balances} balances=${client.balances} />` : html`<${Forbidden} scope="balance:read" />`}
    </section>
    <section aria-labelledby="accounts">
      <h2 id="accounts">${t("accounts.title")} <span class="count">${client.tradingAccounts.totalCount}</span></h2>
      ${client.tradingAccounts.totalCount > accounts.length && html`<p class="hint">${t("accounts.first", { n: accounts.length })}</p>`}
      <${Accounts} clientNumber=${client.clientNumber} accounts=${accounts} selected=${selected} />
    </section>
    ${selected && html`<${AccountDetails} key=${selected.id} clientNumber=${client.clientNumber} account=${selected} />`}
    <section aria-labelledby="instructions">
      <h2 id="instructions">${t("instructions.title")}</h2>
      ${may("instruction:read")
        ? html`<${ClientInstructions} clientNumber=${client.clientNumber} />`
        : html`<${Forbidden} scope="instruction:read" />`}
    </section>
  `;
}
