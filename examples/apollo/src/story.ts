import type { Client } from "./client.ts";
import { pages } from "./clients.ts";
import { deposit } from "./deposit.ts";
import { InstructionDocument } from "./generated/graphql.ts";
import { follow, newestCursor } from "./log.ts";

export type Payment = { server: string; login: string; amount: string; currency: string; key: string; cursor: string };
type Draft = Omit<Payment, "key" | "cursor">;

export async function countClients(client: Client, first: number) {
  let count = 0;
  for await (const nodes of pages(client, first)) count += nodes.length;
  return count;
}

/** Store the result before the deposit: a repeat needs the same key, and the cursor is before the first event. */
export async function prepare(client: Client, draft: Draft): Promise<Payment> {
  return { ...draft, key: crypto.randomUUID(), cursor: await newestCursor(client) };
}

/** Deposits, or repeats a deposit, and tells each status of the instruction. Resolves to the last one, or to a refusal. */
export async function payAndFollow(client: Client, payment: Payment, tell: (status: string) => void) {
  const { server, login, amount, currency, key, cursor } = payment;
  const account = { account: { server, login } };
  const outcome = await deposit(client, { account, amount, currency, idempotencyKey: key });
  if (!("instruction" in outcome)) return outcome.code;
  const { id } = outcome.instruction;

  return new Promise<string>((resolve) => {
    const note = (status: string) => {
      tell(status);
      if (status !== "CONFIRMED" && status !== "REJECTED") return;
      end();
      resolve(status);
    };
    const read = async () => {
      const { data } = await client.query({ query: InstructionDocument, variables: { id } });
      if (data?.instruction) note(data.instruction.status);
    };
    const end = follow(client, cursor, (one) => one.event && one.instruction?.id === id && note(one.event.status), read);
  });
}
