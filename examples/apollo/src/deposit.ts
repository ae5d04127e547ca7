import { CombinedGraphQLErrors } from "@apollo/client";
import type { Client } from "./client.ts";
import { DepositDocument, type DepositInput } from "./generated/graphql.ts";

// Errors before the command was looked at. The same key makes a repeat safe.
const PASSING = ["BUDGET_EXCEEDED", "OVERLOADED", "UPSTREAM_UNAVAILABLE", "DEADLINE_EXCEEDED"];
const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * Deposits once. Make the idempotency key once, and store it before the first attempt: every repeat must have it.
 * The outcome is final, or InstructionPending.
 */
export async function deposit(client: Client, input: DepositInput, attempts = 8) {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await once(client, input);
    if (outcome !== "again") return outcome;
    if (attempt === attempts) throw new Error("The graph did not answer. Repeat with the same idempotency key.");
    await sleep(Math.min(0.1 * 2 ** attempt, 10));
  }
}

async function once(client: Client, input: DepositInput) {
  const { data, error } = await client.mutate({ mutation: DepositDocument, variables: { input } });
  if (data) {
    const payload = data.deposit;
    // SAME_KEY: the outcome is not known. A new key could book the money twice.
    return "retry" in payload && payload.retry === "SAME_KEY" ? "again" : payload;
  }
  // Without an answer of the graph the deposit may have been made.
  if (!CombinedGraphQLErrors.is(error)) return "again";
  if (error.errors.every(({ extensions }) => PASSING.includes(String(extensions?.code)))) return "again";
  throw error;
}
