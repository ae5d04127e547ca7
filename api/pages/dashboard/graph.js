// The one way to the graph. Questions and commands go by fetch, streams by one WebSocket.
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { signal } from "@preact/signals";
import { subscribe } from "wonka";
import { credential, signOut } from "./session.js";
import { settings } from "./settings.js";

const REFUSED = 4403;

/** Whether the streams are connected: "idle", "live" or "away". */
export const streams = signal("idle");

/** Why there is no answer: a code of the graph, or NETWORK, and the graph's words. */
export class Problem extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const authorization = (key) => ({ Authorization: `Bearer ${key}` });
const contextOf = (key) => ({ fetchOptions: { headers: authorization(key) } });

const socket = createClient({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
  // Called for each connection, so that a connection after a new sign-in has the new key.
  connectionParams: () => authorization(credential.value),
  retryAttempts: Infinity,
  // A server that restarts does not answer for a while. A key that is refused stays refused, and an error of ours too.
  shouldRetry: (event) => event instanceof Event && event.code !== REFUSED && credential.value !== null,
  on: {
    connected: () => (streams.value = "live"),
    closed: (event) => {
      streams.value = event.code === 1000 ? "idle" : "away";
      if (event.code === REFUSED) signOut("session.ended");
    },
  },
});

const client = new Client({
  url: "/graphql",
  // Each answer is shown once and then followed by a stream, so that a cache would only show old figures.
  requestPolicy: "network-only",
  preferGetMethod: false,
  exchanges: [
    subscriptionExchange({
      // graphql-ws insists on a text in `query`; the graph takes an empty one beside a documentId. It sends the same
      // variables again after a lost connection, so that the stream of a log continues after the newest cursor.
      forwardSubscription: (body) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...body, query: "" }, sink) }),
      }),
    }),
    fetchExchange,
  ],
});

/** A trusted document: its id in the place of its text (operations/*.graphql, docs/documents.md). */
function documentOf(name) {
  return { kind: "Document", definitions: [], documentId: settings.documents[name] };
}

/**
 * The answer to a query: its data and the errors of its fields. Throws Problem if there is no data. `key` is another key
 * than that of this tab: one that signs in, or that of a second person.
 */
export async function ask(name, variables = {}, key = credential.value) {
  return answerOf(await client.query(documentOf(name), variables, contextOf(key)).toPromise(), key);
}

/** The answer to a mutation, under the same rules. */
export async function command(name, variables, key = credential.value) {
  return answerOf(await client.mutation(documentOf(name), variables, contextOf(key)).toPromise(), key);
}

/**
 * Follow a subscription. `take` gets the data and the errors of each answer. An answer without data ends a stream that has
 * an `end`, which gets the Problem; a stream of states goes on. Returns the function that ends the stream.
 */
export function follow(name, variables, take, end = null) {
  const source = client.subscription(documentOf(name), variables);
  const { unsubscribe } = subscribe((result) => {
    if (result.data) {
      take(result.data, errorsOf(result));
    } else if (end) {
      unsubscribe();
      // Later, because a stream with the same variables would be this one as long as it is being ended.
      setTimeout(end, 0, problemOf(result));
    }
  })(source);
  return unsubscribe;
}

function answerOf(result, key) {
  if (result.data) return { data: result.data, errors: errorsOf(result) };
  const problem = problemOf(result);
  // Only a refusal of the tab's own key ends the tab's session.
  if (problem.code === "UNAUTHENTICATED" && key === credential.value) signOut("session.ended");
  throw problem;
}

function errorsOf({ error }) {
  return (error?.graphQLErrors ?? []).map(({ message, path, extensions }) => {
    return { code: extensions?.code ?? "", message, path: path ?? [], extensions };
  });
}

function problemOf(result) {
  const [first] = errorsOf(result);
  const problem = new Problem(first?.code || "NETWORK", first?.message ?? "");
  problem.cursor = first?.extensions?.cursor;
  // Values that the graph cannot read are refused as a whole: nothing was run.
  problem.isUnread = first?.code === "BAD_USER_INPUT" && first.path.length === 0;
  return problem;
}
