// The pages of a list. A cursor names a place in the list, so that a page is right although rows come and go.
import { html } from "../html.js";
import { adjust } from "../router.js";
import { t } from "../text.js";

const PAGE = 25;

/** The variables of the page that the address names. */
export function pageVariables(query) {
  const before = query.get("before");
  return before ? { last: PAGE, before } : { first: PAGE, after: query.get("after") };
}

export function Pager({ info }) {
  const turn = (after, before) => adjust({ after, before });
  return html`
    <nav class="pager" aria-label=${t("pager.label")}>
      <button type="button" disabled=${!info.hasPreviousPage} onClick=${() => turn("", info.startCursor)}>
        ${t("pager.previous")}
      </button>
      <button type="button" disabled=${!info.hasNextPage} onClick=${() => turn(info.endCursor, "")}>
        ${t("pager.next")}
      </button>
    </nav>
  `;
}
