// A deposit or a withdrawal: the form, the sending, and what came of it.
import { useEffect, useRef } from "preact/hooks";
import { announce } from "../announce.js";
import { useAnswer } from "../answer.js";
import { draftOf, emptyDraft, isOver } from "../drafts.js";
import { command } from "../graph.js";
import { html } from "../html.js";
import { isReadable, typed } from "../money.js";
import { MoneyOutcome } from "../parts/money_outcome.js";
import { Empty, Failure, Loading } from "../parts/states.js";
import { href, whole } from "../router.js";
import { viewer } from "../session.js";
import { t } from "../text.js";

export function MoneyForm({ kind, number, server, login }) {
  const answer = useAnswer("client", { clientNumber: whole(number), balances: false });
  const client = answer.data?.client;
  const account = client?.tradingAccounts.nodes.find((one) => one.server.name === server && one.login === login);
  return html`
    <p class="back"><a href=${href(["clients", number])}>${client?.fullName || t("client.title")}</a></p>
    <h1>${t(`${kind}.title`)} <bdi class="num">${server} ${login}</bdi></h1>
    ${answer.problem && html`<${Failure} problem=${answer.problem} again=${answer.again} />`}
    ${!answer.data && answer.loading && html`<${Loading} />`}
    ${answer.data && !account && html`<${Empty} title=${t("money.noAccount")} />`}
    ${account && html`<${Draft} kind=${kind} account=${account} />`}
  `;
}

function Draft({ kind, account }) {
  const draft = draftOf(viewer.value.name, kind, account.server.name, account.login);
  const { phase } = draft.value;
  useEffect(() => {
    // A reload came in the middle: the same command is sent again, with its key.
    if (draft.peek().phase === "sending") send(draft, kind, account);
    // The next visit begins with an empty form, unless this command is not over yet.
    return () => {
      if (isOver(draft.peek())) draft.value = emptyDraft();
    };
  }, []);
  const submit = () => send(draft, kind, account);
  const restart = () => (draft.value = emptyDraft());
  return html`
    <div class="money">
      ${phase === "editing"
        ? html`<${Form} kind=${kind} account=${account} draft=${draft} submit=${submit} />`
        : html`<${MoneyOutcome} kind=${kind} account=${account} draft=${draft} again=${submit} restart=${restart} />`}
      <${KeyNote} draft=${draft} />
    </div>
  `;
}

/** Store first, send then. The draft has the key, so that nothing is ever sent twice under two keys. */
async function send(draft, kind, account) {
  draft.value = { ...draft.peek(), phase: "sending" };
  const { amount, note, key } = draft.peek();
  // The same command may have been sent twice. A late answer must not end the next command, which has another key.
  const settle = (changes) => draft.peek().key === key && (draft.value = { ...draft.peek(), ...changes });
  const reference = { server: account.server.name, login: account.login };
  const input = { account: { account: reference }, amount, currency: account.currency, idempotencyKey: key };
  try {
    const { data } = await command(kind, { input: note ? { ...input, note } : input });
    const outcome = data[kind];
    // Nothing was stored, and the key is still free: the person corrects the form.
    const phase = outcome.__typename === "ValidationFailed" ? "editing" : "answered";
    settle({ phase, outcome });
  } catch ({ code, message, isUnread }) {
    settle(isUnread ? { phase: "editing", outcome: correction(message) } : { phase: "unanswered", outcome: { code, message } });
  }
  announce(t(`money.${draft.peek().phase}`));
}

/** What the form shows about values that were never a command. */
const correction = (message) => ({ issues: [{ message }] });

function Form({ kind, account, draft, submit }) {
  const { amount, note, outcome } = draft.value;
  const first = useRef();
  useEffect(() => first.current.focus(), []);
  const put = (name) => (event) => (draft.value = { ...draft.value, [name]: event.target.value });
  function check(event) {
    event.preventDefault();
    const asked = { ...draft.value, amount: typed(amount), note: note.trim() };
    const isSent = isReadable(asked.amount);
    draft.value = isSent ? asked : { ...asked, outcome: correction(t("money.amountForm")) };
    if (isSent) submit();
  }
  return html`
    <form class="sheet" onSubmit=${check}>
      <label for="amount">${t("money.amount")}</label>
      <div class="amount">
        <input
          ref=${first} id="amount" dir="ltr" inputmode="decimal" autocomplete="off" required value=${amount} aria-describedby="issues"
          aria-invalid=${outcome ? "true" : null} onInput=${put("amount")}
        />
        <span class="unit">${account.currency}</span>
      </div>
      <label for="note">${t("money.note")}</label>
      <input id="note" value=${note} onInput=${put("note")} />
      <div class="reason" id="issues" role="alert">
        ${outcome?.issues?.map((one) => html`<p><bdi>${one.message}</bdi></p>`)}
      </div>
      <button class="main" type="submit">${t(`${kind}.submit`)}</button>
    </form>
  `;
}

/** What the key means, beside the form that uses it. */
function KeyNote({ draft }) {
  return html`
    <aside class="sheet note" aria-labelledby="key-title">
      <h2 id="key-title">${t("money.keyTitle")}</h2>
      <p><bdi class="code">${draft.value.key}</bdi></p>
      <p>${t("money.keyWhat")}</p>
      <p>${t("money.pendingWhat")}</p>
    </aside>
  `;
}
