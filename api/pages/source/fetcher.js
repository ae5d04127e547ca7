// Asks the graph that served the page; the answer is shown as it came, refusals included.

/** A GraphiQL fetcher that asks with whatever key `currentKey` tells. */
export function createFetcher(currentKey) {
  return async (operation) => {
    const key = currentKey();
    const response = await fetch("/graphql", {
      method: "POST",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        ...(key && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(operation),
      cache: "no-store",
      redirect: "error",
    });
    return answerOf(response);
  };
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
