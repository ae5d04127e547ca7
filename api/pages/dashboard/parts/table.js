// A table that a keyboard can scroll. Columns that a phone has no room for have the class "wide".
import { html } from "../html.js";

export function Table({ label, columns, children, fixed = false }) {
  return html`
    <div class="scroll" role="region" aria-label=${label} tabindex="0">
      <table class=${fixed ? "fixed" : null}>
        <thead>
          <tr>${columns.map((one) => html`<th scope="col" class=${one.class} aria-sort=${one.sort}>${one.title}</th>`)}</tr>
        </thead>
        ${children}
      </table>
    </div>
  `;
}
