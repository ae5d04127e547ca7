// What one account trades: its equity by day, what is open, what was closed.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { useAnswer } from "../answer.js";
import { EquityChart } from "../chart.js";
import { daysAgo, moment } from "../clock.js";
import { html } from "../html.js";
import { may } from "../session.js";
import { t, word } from "../text.js";
import { Actions } from "./accounts.js";
import { Amount } from "./amount.js";
import { Empty, Failure, Forbidden, Loading, Silence } from "./states.js";
import { Table } from "./table.js";

const CHART_DAYS = 90;
const TRADE_DAYS = 365;
// A vendor that fails is asked again until it answers.
const PERSISTENT = { persist: true, isHealthy: ({ errors }) => errors.length === 0 };

export function AccountDetails({ clientNumber, account }) {
  const { server, login } = account;
  return html`
    <section aria-labelledby="details">
      <div class="links"><${Actions} clientNumber=${clientNumber} account=${account} /></div>
      <h2 id="details">${t("details.title")} <bdi class="num">${login}</bdi> <bdi class="hint">${server.name}</bdi></h2>
      ${may("trade:read") ? html`<${Trading} account=${account} />` : html`<${Forbidden} scope="trade:read" />`}
    </section>
  `;
}

function Trading({ account }) {
  const { server } = account;
  return html`
    <h3>${t("equity.title")}</h3>
    ${server.hasDailyReports ? html`<${Equity} account=${account} />` : html`<${Empty} title=${t("details.notOffered")} />`}
    <h3>${t("positions.title")}</h3>
    ${server.hasOpenPositions ? html`<${Positions} account=${account} />` : html`<${Empty} title=${t("details.notOffered")} />`}
    <h3>${t("trades.title")}</h3>
    ${server.hasClosedTrades ? html`<${Trades} account=${account} />` : html`<${Empty} title=${t("details.notOffered")} />`}
  `;
}

/** From so many days ago until now; the same moments as long as the component lives. */
function useSpan(days) {
  return useMemo(() => ({ from: daysAgo(days), to: daysAgo(0) }), [days]);
}

function Equity({ account }) {
  const answer = useAnswer("dailyReports", { id: account.id, ...useSpan(CHART_DAYS) }, PERSISTENT);
  const reports = answer.data?.tradingAccount?.dailyReports;
  // The place of the chart is there before the chart.
  return html`
    <div class="chartplace">
      <${Outcome} account=${account} answer=${answer} found=${reports} none="equity.none" />
      ${reports?.length > 0 && html`<${EquityChart} reports=${reports} currency=${account.currency} />`}
    </div>
  `;
}

/** What is shown in the place of a list that is not there. */
function Outcome({ account, answer, found, none }) {
  if (answer.problem) return html`<${Failure} problem=${answer.problem} again=${answer.again} />`;
  if (!answer.data) return html`<${Loading} />`;
  if (!found) return html`<${Silence} system=${account.server.system} code=${answer.errors[0]?.code} />`;
  return found.length ? null : html`<${Empty} title=${t(none)} />`;
}

const PRICES = (last) => [
  { title: t("positions.symbol") },
  { title: t("positions.side") },
  { title: t("positions.volume"), class: "number" },
  { title: t("positions.openPrice"), class: "number wide" },
  { title: t(last), class: "number wide" },
  { title: t("positions.swap"), class: "number wide" },
  { title: t("positions.commission"), class: "number wide" },
  { title: t("positions.profit"), class: "number" },
];

function Positions({ account }) {
  const answer = useAnswer("openPositions", { id: account.id }, PERSISTENT);
  const positions = answer.data?.tradingAccount?.openPositions;
  return html`
    <${Outcome} account=${account} answer=${answer} found=${positions} none="positions.none" />
    ${positions?.length > 0 && html`
      <${Table} label=${t("positions.title")} columns=${[...PRICES("positions.currentPrice"), { title: t("positions.openedAt"), class: "wide" }]}>
        <tbody>
          ${positions.map((one) => html`<${Trade} key=${one.ticket} trade=${one} price=${one.currentPrice} time=${one.openedAt} />`)}
        </tbody>
      <//>
    `}
  `;
}

function Trades({ account }) {
  const after = useSignal(null);
  const answer = useAnswer("closedTrades", { id: account.id, ...useSpan(TRADE_DAYS), after: after.value }, PERSISTENT);
  const page = answer.data?.tradingAccount?.closedTrades;
  return html`
    <${Outcome} account=${account} answer=${answer} found=${page?.nodes} none="trades.none" />
    ${page?.nodes.length > 0 && html`
      <${Table} label=${t("trades.title")} columns=${[...PRICES("trades.closePrice"), { title: t("trades.closedAt"), class: "wide" }]}>
        <tbody>
          ${page.nodes.map((one) => html`<${Trade} key=${one.ticket} trade=${one} price=${one.closePrice} time=${one.closedAt} />`)}
        </tbody>
      <//>
      ${(after.value || page.pageInfo.hasNextPage) && html`
        <nav class="pager" aria-label=${t("trades.title")}>
          <button type="button" disabled=${!after.value} onClick=${() => (after.value = null)}>${t("pager.first")}</button>
          <button type="button" disabled=${!page.pageInfo.hasNextPage} onClick=${() => (after.value = page.pageInfo.endCursor)}>
            ${t("pager.next")}
          </button>
        </nav>
      `}
    `}
  `;
}

function Trade({ trade, price, time }) {
  return html`
    <tr>
      <th scope="row">${trade.symbol}</th>
      <td>${word("side", trade.side)}</td>
      <td class="number"><${Amount} value=${trade.volume} /></td>
      <td class="number wide"><${Amount} value=${trade.openPrice} /></td>
      <td class="number wide"><${Amount} value=${price} /></td>
      <td class="number wide"><${Amount} value=${trade.swap} /></td>
      <td class="number wide"><${Amount} value=${trade.commission} /></td>
      <td class="number"><${Amount} value=${trade.profit} /></td>
      <td class="wide num">${moment(time)}</td>
    </tr>
  `;
}
