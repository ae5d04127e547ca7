// The instructions of all clients, newest first, as they happen.
import { useAnswer } from "../answer.js";
import { html } from "../html.js";
import { merged, useInstructionLog } from "../instruction_log.js";
import { InstructionTable } from "../parts/instructions.js";
import { Pager, pageVariables } from "../parts/pager.js";
import { Empty, Failure, Loading, Partial } from "../parts/states.js";
import { adjust, route } from "../router.js";
import { t, word } from "../text.js";

const STATUSES = ["NEEDS_APPROVAL", "RECEIVED", "SENT", "UNKNOWN", "NEEDS_REVIEW", "CONFIRMED", "REJECTED"];
const KINDS = ["DEPOSIT", "WITHDRAWAL", "CREATE_TRADING_ACCOUNT", "OPEN_ACCOUNT_REQUEST"];

export function Instructions() {
  const { query } = route.value;
  const [status, kind] = [query.get("status"), query.get("kind")];
  const filter = { ...(status && { statuses: [status] }), ...(kind && { kinds: [kind] }) };
  const log = useInstructionLog();
  const answer = useAnswer(
    "instructions", { ...pageVariables(query), filter }, { skip: !log.isReady, epoch: log.epoch },
  );
  const isFirst = !query.get("after") && !query.get("before");
  const isWelcome = (one) => isFirst && (!status || one.status === status) && (!kind || one.kind === kind);
  const page = answer.data?.instructions;
  const problem = answer.problem ?? log.problem;
  return html`
    <h1>${t("instructions.title")}</h1>
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <${Choice} name="status" words="instructionStatus" values=${STATUSES} chosen=${status} />
      <${Choice} name="kind" words="kind" values=${KINDS} chosen=${kind} />
    </form>
    ${problem && html`<${Failure} problem=${problem} again=${answer.again} />`}
    ${!answer.data && !problem && html`<${Loading} rows=${10} />`}
    <${Partial} errors=${answer.errors} />
    ${page && html`<${List} page=${page} shown=${merged(page.nodes, log.changed, isWelcome)} />`}
  `;
}

function Choice({ name, words, values, chosen }) {
  return html`
    <label>
      ${t(`instructions.${name}`)}
      <select value=${chosen ?? ""} onChange=${(event) => adjust({ [name]: event.target.value, after: "", before: "" })}>
        <option value="">${t("filter.all")}</option>
        ${values.map((one) => html`<option value=${one}>${word(words, one)}</option>`)}
      </select>
    </label>
  `;
}

function List({ page, shown }) {
  if (!shown.length) return html`<${Empty} title=${t("instructions.none")} />`;
  return html`
    <${InstructionTable} instructions=${shown} />
    <footer class="foot">
      <span>${t("instructions.found", { n: page.totalCount + shown.length - page.nodes.length })}</span>
      <${Pager} info=${page.pageInfo} />
    </footer>
  `;
}
