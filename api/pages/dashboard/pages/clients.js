// All clients: search, filter, sort, page. The address keeps all of it, so that back and a shared link work.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useAnswer } from "../answer.js";
import { moment } from "../clock.js";
import { html } from "../html.js";
import { Badge } from "../parts/badge.js";
import { Money } from "../parts/amount.js";
import { Pager, pageVariables } from "../parts/pager.js";
import { Empty, Failure, Loading, Partial } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { adjust, href, route, whole } from "../router.js";
import { may } from "../session.js";
import { t, word } from "../text.js";

const STATUSES = ["NEW", "FOLLOW_UP", "FOLLOW_UP_MEETING", "NOT_INTERESTED", "APPROVED", "REAL", "INACTIVE"];
const TYPING_PAUSE = 250;
const FIRST_PAGE = { after: "", before: "" };

export function Clients() {
  const { query } = route.value;
  const balances = may("balance:read");
  const filter = filterOf(query);
  const summary = useAnswer("clientSummary", { filter, balances });
  const answer = useAnswer("clients", { ...pageVariables(query), filter, orderBy: orderOf(query), balances });
  const page = answer.data?.clients;
  return html`
    <h1>${t("clients.title")}</h1>
    <${Totals} summary=${summary} balances=${balances} />
    <${Filters} query=${query} agencies=${useAgencies()} />
    ${answer.problem && html`<${Failure} problem=${answer.problem} again=${answer.again} />`}
    ${!page && answer.loading && html`<${Loading} rows=${12} />`}
    <${Partial} errors=${answer.errors} />
    ${page && html`<${List} page=${page} balances=${balances} query=${query} isStale=${answer.loading} />`}
  `;
}

function filterOf(query) {
  const filter = {};
  if (query.get("search")) filter.search = query.get("search");
  if (query.get("status")) filter.erpStatus = [query.get("status")];
  if (query.get("agency")) filter.agency = [whole(query.get("agency"))];
  return filter;
}

function orderOf(query) {
  const [field, direction] = (query.get("sort") ?? "CLIENT_NUMBER ASC").split(" ");
  return { field, direction };
}

/** All agencies that the caller may see, whatever the filter is. */
function useAgencies() {
  const { data } = useAnswer("clientSummary", { filter: {}, balances: false });
  return data?.clientSummary?.byAgency.map((one) => one.agency) ?? [];
}

function Totals({ summary, balances }) {
  const found = summary.data?.clientSummary;
  return html`
    <dl class="totals">
      <div><dt>${t("clients.count")}</dt><dd class="num">${found?.count ?? "–"}</dd></div>
      ${balances && html`<div><dt>${t("clients.total")}</dt><dd><${Total} summary=${found} /></dd></div>`}
      <div>
        <dt>${t("clients.asOf")}</dt>
        <dd>${found ? (found.asOf ? moment(found.asOf) : t("clients.now")) : "–"}</dd>
      </div>
    </dl>
  `;
}

/** The sum of all balances, which is never partial: without one rate there is none. */
function Total({ summary }) {
  const isUnknown = summary && !summary.totalFloatingBalance;
  return isUnknown ? html`<span class="hint">${t("balances.noRate")}</span>` : html`<${Money} money=${summary?.totalFloatingBalance} />`;
}

/**
 * The search as it is typed, and the handler of typing. It is a state of its own: an answer that arrives meanwhile must not
 * put the old search back. Only another address does, as after "back".
 */
function useTyping(search) {
  const text = useSignal(search);
  const sent = useRef(search);
  const timer = useRef();
  useEffect(() => {
    if (search !== sent.current) text.value = sent.current = search;
  }, [search]);
  const type = (event) => {
    text.value = event.target.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => adjust({ search: (sent.current = text.value.trim()), ...FIRST_PAGE }), TYPING_PAUSE);
  };
  return [text, type];
}

function Filters({ query, agencies }) {
  const [text, type] = useTyping(query.get("search") ?? "");
  const choose = (name) => (event) => adjust({ [name]: event.target.value, ...FIRST_PAGE });
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>
        ${t("clients.search")}
        <input type="search" value=${text} placeholder=${t("clients.searchHint")} onInput=${type} />
      </label>
      <label>
        ${t("clients.status")}
        <select value=${query.get("status") ?? ""} onChange=${choose("status")}>
          <option value="">${t("filter.all")}</option>
          ${STATUSES.map((one) => html`<option value=${one}>${word("erpStatus", one)}</option>`)}
        </select>
      </label>
      <label>
        ${t("clients.agency")}
        <select value=${query.get("agency") ?? ""} onChange=${choose("agency")}>
          <option value="">${t("filter.all")}</option>
          ${agencies.map((one) => html`<option value=${one}>${one}</option>`)}
        </select>
      </label>
    </form>
  `;
}

function List({ page, balances, query, isStale }) {
  if (!page.nodes.length) return html`<${Empty} title=${t("clients.none")} />`;
  const columns = [
    { title: html`<${Sort} field="CLIENT_NUMBER" query=${query} name="clients.number" />`, class: "number wide" },
    { title: html`<${Sort} field="FULL_NAME" query=${query} name="clients.name" />`, class: "name" },
    { title: t("clients.email"), class: "wide" },
    { title: t("clients.agency"), class: "wide number" },
    { title: t("clients.status") },
    { title: t("clients.website"), class: "wide" },
    { title: t("clients.standing"), class: "wide" },
  ];
  if (balances) {
    columns.push({
      title: html`<${Sort} field="TOTAL_FLOATING_BALANCE" query=${query} name="clients.balance" />`,
      class: "number",
    });
  }
  return html`
    <${Table} label=${t("clients.title")} columns=${columns}>
      <tbody class=${isStale ? "stale" : null}>
        ${page.nodes.map((one) => html`<${Row} key=${one.id} client=${one} balances=${balances} />`)}
      </tbody>
    <//>
    <footer class="foot">
      <span>${t("clients.found", { n: page.totalCount })}${page.asOf && ` · ${t("clients.orderOf", { time: moment(page.asOf) })}`}</span>
      <${Pager} info=${page.pageInfo} />
    </footer>
  `;
}

function Row({ client, balances }) {
  return html`
    <tr>
      <td class="number wide"><bdi class="num">${client.clientNumber}</bdi></td>
      <th scope="row" class="name">
        <a href=${href(["clients", client.clientNumber])}><bdi>${client.fullName || "–"}</bdi></a>
        <bdi class="narrow num hint">${client.clientNumber}</bdi>
      </th>
      <td class="wide"><bdi>${client.email}</bdi></td>
      <td class="wide number">${client.agency}</td>
      <td><${Badge} kind="erpStatus" value=${client.erpStatus.code} /></td>
      <td class="wide">${client.webStatus && html`<${Badge} kind="webStatus" value=${client.webStatus.code} />`}</td>
      <td class="wide"><${Badge} kind="standing" value=${client.standing} /></td>
      ${balances && html`<td class="number"><${Money} money=${client.totalFloatingBalance} /></td>`}
    </tr>
  `;
}

function Sort({ field, query, name }) {
  const current = orderOf(query);
  const isThis = current.field === field;
  const next = isThis && current.direction === "ASC" ? "DESC" : "ASC";
  const mark = isThis ? (current.direction === "ASC" ? " ▲" : " ▼") : "";
  const spoken = isThis ? t(`sort.${current.direction}`) : "";
  return html`
    <button type="button" class="sort" onClick=${() => adjust({ sort: `${field} ${next}`, ...FIRST_PAGE })}>
      ${t(name)}<span aria-hidden="true">${mark}</span> <span class="unseen">${spoken}</span>
    </button>
  `;
}
