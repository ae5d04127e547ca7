// What came of a deposit or a withdrawal: done, refused, or not known yet. A command that is not known yet is followed
// until it is.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { announce } from "../announce.js";
import { follow } from "../graph.js";
import { html } from "../html.js";
import { may } from "../session.js";
import { t, word } from "../text.js";
import { Amount } from "./amount.js";
import { Badge } from "./badge.js";
import { Events } from "./instructions.js";

const FINAL = ["CONFIRMED", "REJECTED"];

export function MoneyOutcome({ kind, account, draft, again, restart }) {
  const { phase, outcome, amount } = draft.value;
  return html`
    <div class="sheet" aria-live="polite">
      <p class="large"><${Amount} value=${amount} unit=${account.currency} /></p>
      ${phase === "sending" && html`<p><span class="bone"></span> ${t("money.sending")}</p>`}
      ${phase === "unanswered" && html`<${Unanswered} outcome=${outcome} again=${again} />`}
      ${phase === "answered" && html`<${Answered} kind=${kind} outcome=${outcome} again=${again} restart=${restart} />`}
    </div>
  `;
}

/** The connection was lost. The command may have been applied, so that only the same key may be sent. */
function Unanswered({ outcome, again }) {
  return html`
    <p><strong>${word("problem", outcome.code)}</strong> ${outcome.message}</p>
    <p>${t("money.unansweredWhat")}</p>
    <button type="button" class="main" onClick=${again}>${t("money.sendAgain")}</button>
  `;
}

function Answered({ kind, outcome, again, restart }) {
  if (outcome.instruction) return html`<${Followed} kind=${kind} first=${outcome.instruction} restart=${restart} />`;
  const mayRepeat = outcome.retry === "SAME_KEY";
  return html`
    <p role="alert"><strong>${word("code", outcome.code)}</strong> <bdi>${outcome.message}</bdi></p>
    <p>${t(`retry.${outcome.retry ?? "NEVER"}`)}</p>
    ${outcome.original && html`<${Events} instruction=${outcome.original} />`}
    ${mayRepeat
      ? html`<button type="button" class="main" onClick=${again}>${t("money.sendAgain")}</button>`
      : html`<button type="button" onClick=${restart}>${t("money.restart")}</button>`}
  `;
}

/** The instruction as it is now, and its changes until it is final. */
function Followed({ kind, first, restart }) {
  const instruction = useSignal(first);
  const { status, id } = instruction.value;
  const isFinal = FINAL.includes(status);
  useEffect(() => {
    if (isFinal || !may("instruction:read")) return;
    return follow("instructionUpdated", { id }, ({ instructionUpdated }) => {
      instruction.value = instructionUpdated;
      announce(word("instructionStatus", instructionUpdated.status));
    });
  }, [id, isFinal]);
  return html`
    <p><${Badge} kind="instructionStatus" value=${status} /> ${t(isFinal ? `${kind}.${status}` : `pending.${status}`)}</p>
    <${Events} instruction=${instruction.value} />
    ${isFinal && html`<button type="button" onClick=${restart}>${t("money.restart")}</button>`}
  `;
}
