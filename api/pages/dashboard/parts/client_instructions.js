// The instructions for one client, newest first, live while the page is open.
import { useSignal } from "@preact/signals";
import { useAnswer } from "../answer.js";
import { html } from "../html.js";
import { merged, useInstructionLog } from "../instruction_log.js";
import { t } from "../text.js";
import { InstructionTable } from "./instructions.js";
import { Empty, Failure, Loading, Partial } from "./states.js";

export function ClientInstructions({ clientNumber }) {
  const after = useSignal(null);
  const log = useInstructionLog();
  const answer = useAnswer(
    "clientInstructions", { clientNumber, after: after.value }, { skip: !log.isReady, epoch: log.epoch },
  );
  const page = answer.data?.client?.instructions;
  const problem = answer.problem ?? log.problem;
  if (problem) return html`<${Failure} problem=${problem} again=${answer.again} />`;
  if (!answer.data) return html`<${Loading} />`;
  if (!page) return html`<${Partial} errors=${answer.errors} />`;
  const isOurs = (one) => !after.value && one.client?.clientNumber === clientNumber;
  const shown = merged(page.nodes, log.changed, isOurs);
  if (!shown.length) return html`<${Empty} title=${t("instructions.none")} />`;
  return html`
    <${InstructionTable} instructions=${shown} withClient=${false} />
    ${(after.value || page.pageInfo.hasNextPage) && html`
      <nav class="pager" aria-label=${t("pager.label")}>
        <button type="button" disabled=${!after.value} onClick=${() => (after.value = null)}>${t("pager.first")}</button>
        <button type="button" disabled=${!page.pageInfo.hasNextPage} onClick=${() => (after.value = page.pageInfo.endCursor)}>
          ${t("pager.next")}
        </button>
      </nav>
    `}
  `;
}
