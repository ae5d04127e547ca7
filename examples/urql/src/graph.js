import { toAsyncIterable } from "wonka";

const CLIENTS = `query Clients($first: Int!, $after: String) { clients(first: $first, after: $after) {
  nodes { clientNumber fullName totalFloatingBalance { amount currency } } pageInfo { hasNextPage endCursor } } }`;
const CURSOR = "query Cursor { instructionEventsCursor }";
const INSTRUCTION = "query Instruction($id: ID!) { instruction(by: { id: $id }) { id status } }";
const DEPOSIT = `mutation Deposit($input: DepositInput!) { deposit(input: $input) {
  __typename
  ... on DepositConfirmed { instruction { id status } }
  ... on InstructionPending { instruction { id status } }
  ... on MutationError { code message retry } } }`;
const EVENTS = `subscription Events($after: String) { instructionEvents(after: $after) {
  cursor event { status } instruction { id } } }`;
// Errors before the command was looked at. The same key makes a repeat safe.
const PASSING = ["BUDGET_EXCEEDED", "OVERLOADED", "UPSTREAM_UNAVAILABLE", "DEADLINE_EXCEEDED"];

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The clients page by page. Beside the data there may be errors of single fields. */
export async function* pages(client, first) {
  for (let after = null; ; ) {
    const { data, error } = await client.query(CLIENTS, { first, after });
    if (!data?.clients) throw error;
    yield data.clients.nodes;
    if (!data.clients.pageInfo.hasNextPage) return;
    after = data.clients.pageInfo.endCursor;
  }
}

async function newestCursor(client) {
  const { data, error } = await client.query(CURSOR, {});
  if (!data) throw error;
  return data.instructionEventsCursor;
}

/** Store the result before the deposit: a repeat needs the same key, and the cursor is before the first event. */
export async function prepare(client, draft) {
  return { ...draft, key: crypto.randomUUID(), cursor: await newestCursor(client) };
}

/** Deposits once. Every repeat has the same key. The outcome is final, or InstructionPending. */
export async function deposit(client, input, attempts = 8) {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const { data, error } = await client.mutation(DEPOSIT, { input });
    // SAME_KEY: the outcome is not known. A new key could book the money twice.
    if (data && data.deposit.retry !== "SAME_KEY") return data.deposit;
    const codes = error?.graphQLErrors.map(({ extensions }) => extensions?.code) ?? [];
    if (codes.some((code) => !PASSING.includes(code))) throw error;
    await sleep(Math.min(0.1 * 2 ** attempt, 10));
  }
  throw new Error("The graph did not answer. Repeat with the same idempotency key.");
}

/** Each event after the cursor, once and in order, over lost connections and restarts. `null`: events are missing. */
async function* events(client, after) {
  for (let cursor = after; ; await sleep(0.5)) {
    for await (const { data, error } of toAsyncIterable(client.subscription(EVENTS, { after: cursor }))) {
      if (error) {
        const { code, cursor: place } = error.graphQLErrors[0]?.extensions ?? {};
        if (code === "STREAM_BEHIND") cursor = place;
        if (code === "STREAM_RESET") {
          cursor = await newestCursor(client);
          yield null;
        }
        break;
      }
      // urql repeats the last data at the end of a stream.
      if (!data || data.instructionEvents.cursor === cursor) continue;
      cursor = data.instructionEvents.cursor;
      yield data.instructionEvents;
    }
  }
}

/** Deposits, or repeats a deposit, and tells each status of the instruction. Resolves to the last one, or to a refusal. */
export async function payAndFollow(client, { server, login, amount, currency, key, cursor }, tell) {
  const account = { account: { server, login } };
  const outcome = await deposit(client, { account, amount, currency, idempotencyKey: key });
  if (!outcome.instruction) return outcome.code;
  const { id } = outcome.instruction;
  for await (const one of events(client, cursor)) {
    let status = one?.instruction?.id === id ? one.event?.status : undefined;
    if (one === null) status = (await client.query(INSTRUCTION, { id })).data?.instruction?.status;
    if (status) tell(status);
    if (status === "CONFIRMED" || status === "REJECTED") return status;
  }
}
