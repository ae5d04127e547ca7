// The upstreams as the server sees them, asked again every few seconds.
import { useEffect } from "preact/hooks";
import { useAnswer } from "../answer.js";
import { age } from "../clock.js";
import { html } from "../html.js";
import { Badge } from "../parts/badge.js";
import { Failure, Loading } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { t, word } from "../text.js";

const EVERY = 5000;
const ABILITIES = ["hasLiveFigures", "hasOpenPositions", "hasClosedTrades", "hasDailyReports", "canDeposit", "canWithdraw"];

export function Health() {
  const answer = useAnswer("upstreams", {});
  useEffect(() => {
    const timer = setInterval(answer.again, EVERY);
    return () => clearInterval(timer);
  }, []);
  return html`
    <h1>${t("health.title")}</h1>
    <p class="hint">${t("health.what")}</p>
    ${answer.problem && html`<${Failure} problem=${answer.problem} again=${answer.again} />`}
    ${!answer.data && !answer.problem && html`<${Loading} rows=${6} />`}
    ${answer.data && html`<${Upstreams} upstreams=${answer.data.upstreams} />`}
    ${answer.data && html`<h2>${t("servers.title")}</h2><${Servers} servers=${answer.data.tradingServers} />`}
  `;
}

function Upstreams({ upstreams }) {
  const columns = [
    { title: t("health.system") },
    { title: t("health.connection") },
    { title: t("health.state") },
    { title: t("health.since"), class: "number" },
    { title: t("health.p95"), class: "number" },
    { title: t("health.lastError"), class: "wide" },
  ];
  return html`
    <${Table} label=${t("health.title")} columns=${columns}>
      <tbody>
        ${upstreams.map(
          (one) => html`
            <tr key=${`${one.system} ${one.name}`}>
              <th scope="row">${word("system", one.system)}</th>
              <td><bdi>${one.name}</bdi></td>
              <td><${Badge} kind="upstreamState" value=${one.state} /></td>
              <td class="number num">${age(one.since)}</td>
              <td class="number num">${one.p95Seconds === null ? "–" : t("health.milliseconds", { n: Math.round(one.p95Seconds * 1000) })}</td>
              <td class="wide"><bdi>${one.lastError ?? "–"}</bdi></td>
            </tr>
          `,
        )}
      </tbody>
    <//>
  `;
}

function Servers({ servers }) {
  const columns = [{ title: t("servers.name") }, ...ABILITIES.map((name) => ({ title: t(`servers.${name}`) }))];
  return html`
    <${Table} label=${t("servers.title")} columns=${columns}>
      <tbody>
        ${servers.map(
          (one) => html`
            <tr key=${one.name}>
              <th scope="row">
                <bdi>${one.name}</bdi> <bdi class="hint">${word("platform", one.platform)} · ${word("system", one.system)}</bdi>
              </th>
              ${ABILITIES.map((name) => html`<td>${one[name] ? t("servers.yes") : html`<span class="none">–</span>`}</td>`)}
            </tr>
          `,
        )}
      </tbody>
    <//>
  `;
}
