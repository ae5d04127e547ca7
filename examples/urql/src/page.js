import { connect } from "./client.js";
import { pages, payAndFollow, prepare } from "./graph.js";

// The demo must allow this page: brokergraph demo --cors-origin http://127.0.0.1:5174
const url = new URLSearchParams(location.search).get("url") ?? "http://127.0.0.1:8000/graphql";
const element = (id) => document.getElementById(id);
const client = connect(url, () => element("key").value);
let reader = pages(client, 10);

async function showNextPage() {
  const { value = [] } = await reader.next();
  const rows = value.map(({ clientNumber, fullName, totalFloatingBalance: total }) => {
    const row = document.createElement("li");
    // An amount is shown as the graph wrote it.
    row.textContent = `${clientNumber} ${fullName ?? ""} ${total ? `${total.amount} ${total.currency}` : "–"}`;
    return row;
  });
  element("clients").append(...rows);
  element("next").disabled = rows.length === 0;
}

async function pay(payment) {
  // A reload in the middle repeats the payment with the same key.
  localStorage.setItem("payment", JSON.stringify(payment));
  const tell = (status) => (element("status").textContent = status);
  tell(await payAndFollow(client, payment, tell));
  localStorage.removeItem("payment");
}

element("next").onclick = showNextPage;
element("deposit").onsubmit = async (event) => {
  event.preventDefault();
  const amount = element("amount").value;
  await pay(await prepare(client, { server: "R1", login: "61436", amount, currency: "USD" }));
};
element("key").onchange = () => {
  reader = pages(client, 10);
  element("clients").replaceChildren();
};
const unfinished = localStorage.getItem("payment");
if (unfinished) pay(JSON.parse(unfinished));
showNextPage();
