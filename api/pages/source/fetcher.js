// Asks the graph that served the page; the answer is shown as it came, refusals included.

import { createClient } from "graphql-sse";
import { getOperationAST, parse } from "graphql";

/**
 * A GraphiQL fetcher that asks with whatever key `currentKey` tells. A subscription has one answer after another.
 * `explains` tells whether to ask for the call plan. `onAnswer` gets each answer to the person's own questions.
 */
export function createFetcher({ currentKey, explains, onAnswer }) {
  const authorization = () => {
    const key = currentKey();
    return key ? { authorization: `Bearer ${key}` } : {};
  };
  // Without a retry, the page shows the end of a stream. Server-sent events need no more of the page's policy than a query.
  const streams = createClient({ url: "/graphql", headers: authorization, retryAttempts: 0 });
  return (operation, { documentAST } = {}) => {
    if (operation.operationName === "IntrospectionQuery") return ask(operation, authorization());
    if (kindOf(operation, documentAST) === "subscription") return told(follow(streams, operation), onAnswer);
    const extended = explains() ? { ...operation, extensions: { explain: true, cost: true } } : operation;
    return ask(extended, authorization()).then((answer) => {
      onAnswer(answer);
      return answer;
    });
  };
}

/** Asks once, beside what the person asks. */
export function askWith(key, query) {
  return ask({ query }, key ? { authorization: `Bearer ${key}` } : {});
}

/** GraphiQL has no syntax tree yet in the first moment; it is made here then. */
function kindOf({ query, operationName }, documentAST) {
  try {
    return getOperationAST(documentAST ?? parse(query), operationName)?.operation;
  } catch {
    return undefined;
  }
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

async function* told(answers, onAnswer) {
  for await (const answer of answers) {
    onAnswer(answer);
    yield answer;
  }
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
