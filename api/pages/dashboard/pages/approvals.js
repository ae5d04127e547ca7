// Withdrawals that wait for a second person. The second key lives in this component alone: leaving the page forgets it.
import { useSignal } from "@preact/signals";
import { announce } from "../announce.js";
import { useAnswer } from "../answer.js";
import { command } from "../graph.js";
import { html } from "../html.js";
import { merged, useInstructionLog } from "../instruction_log.js";
import { InstructionTable } from "../parts/instructions.js";
import { Empty, Failure, Loading, Partial } from "../parts/states.js";
import { t, word } from "../text.js";

const FILTER = { statuses: ["NEEDS_APPROVAL"] };

export function Approvals() {
  const key = useSignal("");
  const said = useSignal({});
  const log = useInstructionLog();
  const answer = useAnswer("instructions", { first: 100, filter: FILTER }, { skip: !log.isReady, epoch: log.epoch });
  const page = answer.data?.instructions;
  const problem = answer.problem ?? log.problem;
  const isWaiting = (one) => one.status === "NEEDS_APPROVAL";
  // A row that was just decided here stays, with what came of it.
  const shown = page && merged(page.nodes, log.changed, isWaiting).filter((one) => isWaiting(one) || said.value[one.id]);
  const decision = (instruction) => html`<${Decision} instruction=${instruction} secret=${key} said=${said} />`;
  return html`
    <h1>${t("approvals.title")}</h1>
    <p class="hint">${t("approvals.what")}</p>
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <label>
        ${t("approvals.key")}
        <input
          type="password" dir="ltr" autocomplete="off" value=${key} aria-describedby="second-key"
          onInput=${(event) => (key.value = event.target.value.trim())}
        />
      </label>
      <p class="hint" id="second-key">${t("approvals.keyHint")}</p>
    </form>
    ${problem && html`<${Failure} problem=${problem} again=${answer.again} />`}
    ${!answer.data && !problem && html`<${Loading} />`}
    <${Partial} errors=${answer.errors} />
    ${shown && (shown.length
      ? html`<${InstructionTable} instructions=${shown} extra=${decision} />`
      : html`<${Empty} title=${t("approvals.none")} />`)}
  `;
}

function Decision({ instruction, secret, said }) {
  const reason = useSignal("");
  const isSending = useSignal(false);
  const words = said.value[instruction.id];

  async function decide(name) {
    isSending.value = true;
    const outcome = await command(name, { input: inputOf(instruction, reason.value) }, secret.value).then(
      ({ data, errors }) => outcomeOf(data.decision, errors),
      (problem) => word("problem", problem.code),
    );
    isSending.value = false;
    said.value = { ...said.value, [instruction.id]: outcome };
    announce(outcome);
  }

  const isOff = isSending.value || !secret.value;
  return html`
    <div class="decision">
      ${instruction.status === "NEEDS_APPROVAL" && html`
        <label>
          ${t("approvals.reason")} <input value=${reason} onInput=${(event) => (reason.value = event.target.value)} />
        </label>
        <button type="button" class="main" disabled=${isOff} onClick=${() => decide("approve")}>${t("approvals.approve")}</button>
        <button type="button" disabled=${isOff} onClick=${() => decide("decline")}>${t("approvals.decline")}</button>
      `}
      ${words && html`<strong>${words}</strong>`}
    </div>
  `;
}

function inputOf({ id }, reason) {
  return reason.trim() ? { id, reason: reason.trim() } : { id };
}

function outcomeOf(decision, errors) {
  if (!decision) return word("problem", errors[0]?.code ?? "NETWORK");
  if (decision.instruction) return word("instructionStatus", decision.instruction.status);
  return `${word("code", decision.code)} – ${decision.message}`;
}
