// Instructions as rows, each with all its events behind a button.
import { useSignal } from "@preact/signals";
import { moment } from "../clock.js";
import { html } from "../html.js";
import { href } from "../router.js";
import { t, word } from "../text.js";
import { Money } from "./amount.js";
import { Badge } from "./badge.js";
import { Review } from "./review.js";
import { Table } from "./table.js";

/** `extra` makes what stands below a row; null for nothing. */
export function InstructionTable({ instructions, withClient = true, extra = null }) {
  const columns = [
    { title: t("instructions.created"), class: "time" },
    { title: t("instructions.kind"), class: "wide" },
    ...(withClient ? [{ title: t("instructions.client"), class: "name" }] : []),
    { title: t("instructions.account"), class: "wide" },
    { title: t("instructions.amount"), class: "number" },
    { title: t("instructions.status") },
  ];
  return html`
    <${Table} label=${t("instructions.title")} columns=${columns}>
      ${instructions.map(
        (one) => html`<${Row} key=${one.id} instruction=${one} withClient=${withClient} span=${columns.length} extra=${extra} />`,
      )}
    <//>
  `;
}

function Row({ instruction, withClient, span, extra }) {
  // One in doubt is open, until the person decides otherwise.
  const choice = useSignal(null);
  const isOpen = choice.value ?? instruction.status === "NEEDS_REVIEW";
  const { client, account } = instruction;
  const detailsId = `events-${instruction.id}`;
  return html`
    <tbody>
      <tr>
        <td class="time num">${moment(instruction.createdAt)}</td>
        <td class="wide">${word("kind", instruction.kind)}</td>
        ${withClient && html`
          <td class="name">
            ${client ? html`<a href=${href(["clients", client.clientNumber])}><bdi>${client.fullName || client.clientNumber}</bdi></a>` : "–"}
          </td>
        `}
        <td class="wide"><bdi class="num">${account ? `${account.server.name} ${account.login}` : "–"}</bdi></td>
        <td class="number"><${Money} money=${instruction.amount} /></td>
        <td class="status">
          <${Badge} kind="instructionStatus" value=${instruction.status} />
          <button
            type="button" aria-expanded=${isOpen} aria-controls=${detailsId} onClick=${() => (choice.value = !isOpen)}
          >
            ${t("instructions.events")}
          </button>
        </td>
      </tr>
      ${extra && html`<tr class="extra"><td colspan=${span}>${extra(instruction)}</td></tr>`}
      <tr id=${detailsId} class="extra" hidden=${!isOpen}>
        <td colspan=${span}>${isOpen && html`<${Events} instruction=${instruction} />`}</td>
      </tr>
    </tbody>
  `;
}

/** All that happened to an instruction, in the order of time. */
export function Events({ instruction }) {
  return html`
    <div class="events">
      <dl class="facts">
        <div><dt>${t("instructions.key")}</dt><dd><bdi class="code">${instruction.idempotencyKey}</bdi></dd></div>
        ${instruction.upstreamReference && html`
          <div><dt>${t("instructions.reference")}</dt><dd><bdi class="code">${instruction.upstreamReference}</bdi></dd></div>
        `}
      </dl>
      <ol>
        ${instruction.events.map(
          (one) => html`
            <li>
              <span class="num">${moment(one.at)}</span> <${Badge} kind="instructionStatus" value=${one.status} />
              <span><bdi>${one.actor}</bdi>${one.note && html` · <bdi>${one.note}</bdi>`}</span>
            </li>
          `,
        )}
      </ol>
      ${instruction.status === "NEEDS_REVIEW" && html`<${Review} id=${instruction.id} />`}
    </div>
  `;
}
