// The money of a client by currency: a row and a bar for each.
import { ShareBar } from "../chart.js";
import { html } from "../html.js";
import { t } from "../text.js";
import { Amount, Money } from "./amount.js";
import { Empty } from "./states.js";
import { Table } from "./table.js";

export function Balances({ balances }) {
  if (!balances) return html`<${Empty} title=${t("balances.unknown")} />`;
  if (!balances.length) return html`<${Empty} title=${t("balances.none")} />`;
  const values = balances.map((one) => one.value?.amount).filter(Boolean);
  const columns = [
    { title: t("balances.currency") },
    { title: t("balances.balance"), class: "number" },
    { title: t("balances.cash"), class: "number wide" },
    { title: t("balances.held"), class: "number wide" },
    { title: t("balances.rate"), class: "number wide" },
    { title: t("balances.value"), class: "number" },
    { title: t("balances.share"), class: "compared" },
  ];
  return html`
    <${Table} label=${t("balances.title")} columns=${columns}>
      <tbody>${balances.map((one) => html`<${Row} key=${one.currency} balance=${one} values=${values} />`)}</tbody>
    <//>
  `;
}

function Row({ balance, values }) {
  return html`
    <tr>
      <th scope="row">${balance.currency}</th>
      <td class="number"><${Amount} value=${balance.balance} /></td>
      <td class="number wide"><${Amount} value=${balance.cash} /></td>
      <td class="number wide"><${Amount} value=${balance.held} /></td>
      <td class="number wide"><${Amount} value=${balance.rate} /></td>
      <td class="number">${balance.value ? html`<${Money} money=${balance.value} />` : t("balances.noRate")}</td>
      <td class="compared">${balance.value && html`<${ShareBar} value=${balance.value.amount} among=${values} />`}</td>
    </tr>
  `;
}
