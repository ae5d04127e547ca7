import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";

/** `currentKey` is called for each request and connection. The client keeps nothing: money is read when it is shown. */
export function connect(url, currentKey) {
  const authorization = () => ({ authorization: `Bearer ${currentKey()}` });
  // graph.js subscribes again, after the newest cursor.
  const socket = createClient({ url: url.replace(/^http/, "ws"), connectionParams: authorization, retryAttempts: 0 });
  return new Client({
    url,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: authorization() }),
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
      fetchExchange,
    ],
  });
}
