// The trading accounts of a client by server. The columns have fixed widths, so that figures arrive without moving a thing.
import { age, moment } from "../clock.js";
import { html } from "../html.js";
import { useLiveFigures } from "../live.js";
import { adjust, href } from "../router.js";
import { may } from "../session.js";
import { t, word } from "../text.js";
import { Amount } from "./amount.js";
import { Badge } from "./badge.js";
import { Empty } from "./states.js";
import { Table } from "./table.js";

const FIGURES = ["balance", "equity", "margin", "freeMargin", "marginLevel"];
// On a phone only the first two figures have room.
const WIDE = new Set(["margin", "freeMargin", "marginLevel"]);
const classOf = (name) => (WIDE.has(name) ? "number wide" : "number");

export function Accounts({ clientNumber, accounts, selected }) {
  const isAllowed = may("balance:read");
  const figures = useLiveFigures(isAllowed ? accounts : []);
  if (!accounts.length) return html`<${Empty} title=${t("accounts.none")} />`;
  const columns = [
    { title: t("accounts.login"), class: "login" },
    { title: t("accounts.currency"), class: "short" },
    { title: t("accounts.synced"), class: "number wide" },
    ...FIGURES.map((name) => ({ title: t(`accounts.${name}`), class: classOf(name) })),
    { title: t("accounts.age"), class: "age" },
    { title: html`<span class="unseen">${t("accounts.actions")}</span>`, class: "actions wide" },
  ];
  const groups = Map.groupBy(accounts, (one) => one.server.name);
  return html`
    <${Table} label=${t("accounts.title")} columns=${columns} fixed>
      ${[...groups].map(
        ([name, group]) => html`
          <tbody key=${name}>
            <${ServerRow} account=${group[0]} columns=${columns} />
            ${group.map(
              (one) => html`
                <${Row}
                  key=${one.id} clientNumber=${clientNumber} account=${one} isSelected=${one === selected}
                  figure=${isAllowed ? figures.value[one.id] : { state: "forbidden" }}
                />
              `,
            )}
          </tbody>
        `,
      )}
    <//>
  `;
}

/** The name runs over the empty cells beside it. One cell over all columns would count those that a phone hides. */
function ServerRow({ account, columns }) {
  const { server, platform } = account;
  return html`
    <tr class="group">
      <th scope="rowgroup">
        <bdi>${word("platform", platform)} · ${server.name}</bdi>
        <bdi class="hint">${server.system ? word("system", server.system) : t("accounts.unknownServer")}</bdi>
      </th>
      ${columns.slice(1).map((one) => html`<td class=${one.class}></td>`)}
    </tr>
  `;
}

function Row({ clientNumber, account, figure, isSelected }) {
  return html`
    <tr class=${isSelected ? "selected" : null}>
      <th scope="row" class="login">
        <button type="button" class="link num" aria-pressed=${isSelected} onClick=${() => adjust({ account: account.id })}>
          ${account.login}
        </button>
        ${account.status !== "ACTIVE" && html` <${Badge} kind="accountStatus" value=${account.status} />`}
        ${account.demo && html` <span class="badge plain">${t("accounts.demo")}</span>`}
      </th>
      <td class="short">${account.currency}</td>
      <td class="number wide" title=${account.syncedAt && moment(account.syncedAt)}><${Amount} value=${account.balance} /></td>
      <${Figures} account=${account} figure=${figure} />
      <td class="actions wide"><${Actions} clientNumber=${clientNumber} account=${account} /></td>
    </tr>
  `;
}

/** The cells of the live figures. They are the same cells in every state, so that none of them moves. */
function Figures({ account, figure }) {
  const isAsked = account.server.hasLiveFigures && !figure;
  const live = figure?.live;
  const content = (name, index) => {
    if (isAsked) return html`<span class="bone"></span>`;
    if (live) return html`<${Amount} value=${live[name]} />`;
    // The words begin in the first cell and run over the others.
    return index === 0 && html`<span class=${`said ${figure?.state ?? ""}`}>${silence(account, figure)}</span>`;
  };
  return html`
    ${FIGURES.map((name, index) => html`<td key=${name} class=${classOf(name)}>${content(name, index)}</td>`)}
    <td key="age" class="age num">${live ? age(live.observedAt) : isAsked ? "" : "–"}</td>
  `;
}

function silence(account, figure) {
  if (!account.server.hasLiveFigures) return t("accounts.noLive");
  if (figure.state === "forbidden") return t("state.forbidden", { scope: "balance:read" });
  const system = word("system", account.server.system);
  if (figure.state === "late") return t("accounts.late", { system });
  if (figure.state === "silent") return t("accounts.silent", { system, problem: word("problem", figure.code) });
  return t("accounts.unknown");
}

/** The links to what the caller may command on the account. */
export function Actions({ clientNumber, account }) {
  const { server, login } = account;
  const to = (part) => href(["clients", clientNumber, part, server.name, login]);
  const deposit = server.canDeposit && may("deposit:create");
  const withdraw = server.canWithdraw && may("withdrawal:create");
  return html`
    ${deposit && html`<a href=${to("deposit")} aria-label=${t("deposit.into", { login })}>${t("deposit.action")}</a>`}
    ${withdraw && html`<a href=${to("withdraw")} aria-label=${t("withdraw.from", { login })}>${t("withdraw.action")}</a>`}
  `;
}
