// Asks the graph that served the page; the answer is shown as it came, refusals included.

import { createClient } from "graphql-sse";
import { getOperationAST } from "graphql";

/** A GraphiQL fetcher that asks with whatever key `currentKey` tells. A subscription has one answer after another. */
export function createFetcher(currentKey) {
  const authorization = () => {
    const key = currentKey();
    return key ? { authorization: `Bearer ${key}` } : {};
  };
  // Without a retry, the page shows the end of a stream. Server-sent events need no more of the page's policy than a query.
  const streams = createClient({ url: "/graphql", headers: authorization, retryAttempts: 0 });
  return (operation, { documentAST } = {}) => {
    const chosen = documentAST && getOperationAST(documentAST, operation.operationName);
    return chosen?.operation === "subscription" ? follow(streams, operation) : ask(operation, authorization());
  };
}

async function ask(operation, headers) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", ...headers },
    body: JSON.stringify(operation),
    cache: "no-store",
    redirect: "error",
  });
  return answerOf(response);
}

async function* follow(streams, operation) {
  try {
    yield* streams.iterate(operation);
  } catch (error) {
    // The request was refused, or the connection was lost.
    yield error.response?.text ? await answerOf(error.response) : { errors: [{ message: error.message }] };
  }
}

async function answerOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    // A proxy in between has answered, with a page of its own.
    const message = `The answer is no JSON (HTTP ${response.status}).`;
    return { errors: [{ message, extensions: { body: text.slice(0, 500) } }] };
  }
}
