// What came of a deposit or a withdrawal: done, refused, or not known yet. A command that is not known yet is followed
// until it is.
import { useEffect, useRef } from "preact/hooks";
import { announce } from "../announce.js";
import { isFinal } from "../drafts.js";
import { follow } from "../graph.js";
import { html } from "../html.js";
import { may } from "../session.js";
import { t, word } from "../text.js";
import { Amount } from "./amount.js";
import { Badge } from "./badge.js";
import { Events } from "./instructions.js";

export function MoneyOutcome({ kind, account, draft, again, restart }) {
  const { phase, outcome, amount } = draft.value;
  const sheet = useRef();
  // It stands where the form was, and so does the focus.
  useEffect(() => sheet.current.focus(), []);
  return html`
    <div class="sheet" tabindex="-1" ref=${sheet}>
      <p class="large"><${Amount} value=${amount} unit=${account.currency} /></p>
      ${phase === "sending" && html`<p><span class="bone"></span> ${t("money.sending")}</p>`}
      ${phase === "unanswered" && html`<${Unanswered} outcome=${outcome} again=${again} />`}
      ${phase === "answered" && html`<${Answered} kind=${kind} draft=${draft} again=${again} restart=${restart} />`}
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

function Answered({ kind, draft, again, restart }) {
  const { outcome } = draft.value;
  if (outcome.instruction) return html`<${Followed} kind=${kind} draft=${draft} restart=${restart} />`;
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
function Followed({ kind, draft, restart }) {
  const { instruction } = draft.value.outcome;
  const { id, status } = instruction;
  const isDone = isFinal(instruction);
  useEffect(() => {
    if (isDone || !may("instruction:read")) return;
    return follow("instructionUpdated", { id }, ({ instructionUpdated }) => {
      draft.value = { ...draft.peek(), outcome: { ...draft.peek().outcome, instruction: instructionUpdated } };
      announce(word("instructionStatus", instructionUpdated.status));
    });
  }, [id, isDone]);
  return html`
    <p><${Badge} kind="instructionStatus" value=${status} /> ${t(isDone ? `${kind}.${status}` : `pending.${status}`)}</p>
    <${Events} instruction=${instruction} />
    ${isDone && html`<button type="button" onClick=${restart}>${t("money.restart")}</button>`}
  `;
}
