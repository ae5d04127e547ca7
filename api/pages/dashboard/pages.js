// Which page an address means.
import { html } from "./html.js";
import { Approvals } from "./pages/approvals.js";
import { Client } from "./pages/client.js";
import { Clients } from "./pages/clients.js";
import { Health } from "./pages/health.js";
import { Instructions } from "./pages/instructions.js";
import { MoneyForm } from "./pages/money_form.js";
import { Empty } from "./parts/states.js";
import { t } from "./text.js";

export function pageOf([name, number, part, server, login]) {
  if (name === "clients" && part === "deposit") return moneyForm("deposit", number, server, login);
  if (name === "clients" && part === "withdraw") return moneyForm("withdraw", number, server, login);
  if (name === "clients" && number) return { title: "client.title", page: html`<${Client} number=${number} />` };
  if (name === "clients") return { title: "clients.title", page: html`<${Clients} />` };
  if (name === "instructions") return { title: "instructions.title", page: html`<${Instructions} />` };
  if (name === "approvals") return { title: "approvals.title", page: html`<${Approvals} />` };
  if (name === "health") return { title: "health.title", page: html`<${Health} />` };
  return { title: "missing.title", page: html`<${Empty} title=${t("missing.title")} />` };
}

function moneyForm(kind, number, server, login) {
  const page = html`<${MoneyForm} kind=${kind} number=${number} server=${server} login=${login} />`;
  return { title: `${kind}.title`, page };
}
