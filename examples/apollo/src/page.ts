import { connect } from "./client.ts";
import { pages } from "./clients.ts";
import { payAndFollow, prepare, type Payment } from "./story.ts";

// The demo must allow this page: brokergraph demo --cors-origin http://127.0.0.1:5173
const parameters = new URLSearchParams(location.search);
const url = parameters.get("url") ?? "http://127.0.0.1:8000/graphql";
const { client } = connect(url, () => element<HTMLInputElement>("key").value);
let reader = pages(client, 10);

function element<T extends HTMLElement>(id: string) {
  return document.getElementById(id) as T;
}

async function showNextPage() {
  const { value } = await reader.next();
  const rows = (value ?? []).map(({ clientNumber, fullName, totalFloatingBalance: total }) => {
    const row = document.createElement("li");
    // An amount is shown as the graph wrote it.
    row.textContent = `${clientNumber} ${fullName ?? ""} ${total ? `${total.amount} ${total.currency}` : "–"}`;
    return row;
  });
  element("clients").append(...rows);
  element<HTMLButtonElement>("next").disabled = rows.length === 0;
}

async function pay(payment: Payment) {
  const status = element("status");
  // A reload in the middle repeats the payment with the same key.
  localStorage.setItem("payment", JSON.stringify(payment));
  const last = await payAndFollow(client, payment, (one) => (status.textContent = one));
  status.textContent = last;
  localStorage.removeItem("payment");
}

function start() {
  element("next").onclick = showNextPage;
  element<HTMLFormElement>("deposit").onsubmit = async (event) => {
    event.preventDefault();
    const amount = element<HTMLInputElement>("amount").value;
    await pay(await prepare(client, { server: "R1", login: "61436", amount, currency: "USD" }));
  };
  element("key").onchange = () => {
    reader = pages(client, 10);
    element("clients").replaceChildren();
  };
  const unfinished = localStorage.getItem("payment");
  if (unfinished) void pay(JSON.parse(unfinished));
  void showNextPage();
}

start();
