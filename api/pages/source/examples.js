// The tabs that a newcomer finds: for each task, with what the key may do.

import * as documents from "./documents.js";

const PERIOD = { year: "2025-01-01T00:00:00Z", month: "2025-12-01T00:00:00Z", end: "2026-01-01T00:00:00Z" };
// Accounts of the demo that always exist. The partner sees the clients of agency 1 only.
const NOA = { account: { server: "R1", login: "61436" } };
const ADA = { account: { server: "A1", login: "71001" } };

/** The demo's keys. Each has examples of its own. */
export const DEMO_KEYS = ["demo-operator", "demo-partner", "demo-approver", "demo-reader"];

/** The tabs for this key; `unique` makes the idempotency keys new ones. */
export function examples(key, unique) {
  const command = (name, input) => ({ input: { ...input, idempotencyKey: `graphiql-${name}${unique}` } });
  const payment = (name, account, amount) => command(name, { account, amount, currency: "USD" });
  const { dashboard, clients, accounts, sums, trades, instructions, health } = documents;

  const read = {
    dashboard: tab(dashboard),
    clients: tab(clients, { first: 10, after: null }),
    accounts: tab(accounts, { after: null }),
    sums: tab(sums, { clients: { erpStatus: ["APPROVED", "REAL"] }, accounts: { currencies: ["USD"] } }),
    trades: tab(trades, { account: NOA, ...PERIOD }),
    instructions: tab(instructions, { first: 10, after: null, filter: null }),
    health: tab(health),
  };
  const streams = {
    events: tab(documents.events, { after: null }),
    outcome: tab(documents.outcome, { id: "" }),
    // The node id of the account.
    figures: tab(documents.figures, { ids: [btoa("TradingAccount:R1/61436").replace(/=+$/, "")] }),
    balances: tab(documents.balances, { numbers: [500608] }),
  };
  const approval = tab(documents.approval, { input: { id: "", reason: "The client was called back." } });
  const waiting = tab(instructions, { first: 10, after: null, filter: { statuses: ["NEEDS_APPROVAL"] } });
  const sets = {
    "demo-partner": [
      read.clients, tab(documents.deposit, payment("", ADA, "25.50")), read.instructions, read.accounts, streams.events,
    ],
    "demo-approver": [waiting, approval, streams.events, streams.outcome],
    "demo-reader": [tab(documents.people, { first: 10, search: null }), tab(documents.refused), read.health],
  };
  return sets[key] ?? [
    read.dashboard, read.clients, read.accounts, read.sums, read.trades, read.instructions, read.health,
    tab(documents.deposit, payment("", NOA, "25.50")),
    tab(documents.withdrawal, payment("withdrawal-", NOA, "1200.00")),
    approval,
    tab(documents.account, command("account-", { clientNumber: 500014, server: null })),
    tab(documents.request, command("request-", {
      userId: "C0500608", connectionId: "mt4live1", platform: { mt4: { leverage: "100" } },
    })),
    ...Object.values(streams),
  ];
}

function tab(query, variables) {
  return { query, variables: variables && JSON.stringify(variables, null, 2) };
}
