import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import generated from "./generated/possible-types.ts";

declare module "@apollo/client" {
  namespace ApolloClient {
    namespace DeclareDefaultOptions {
      interface Query {
        errorPolicy: "all";
      }
      interface Mutate {
        errorPolicy: "all";
      }
    }
  }
}

/** `currentKey` is called for each request and connection, so that a new key is used at once. */
export function connect(url: string, currentKey: () => string) {
  const authorization = () => ({ authorization: `Bearer ${currentKey()}` });
  const socket = createClient({
    url: url.replace(/^http/, "ws"),
    connectionParams: authorization,
    // log.ts subscribes again, after the newest cursor.
    retryAttempts: 0,
  });
  const http = new ApolloLink((operation, forward) => {
    operation.setContext({ headers: authorization() });
    return forward(operation);
  }).concat(new HttpLink({ uri: url }));
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      http,
    ),
    cache: new InMemoryCache({ possibleTypes: generated.possibleTypes }),
    defaultOptions: {
      // With the default policy Apollo drops the whole answer if one vendor is down.
      query: { errorPolicy: "all", fetchPolicy: "no-cache" },
      mutate: { errorPolicy: "all", fetchPolicy: "no-cache" },
    },
  });
  return { client, close: () => socket.dispose() };
}

export type Client = ReturnType<typeof connect>["client"];
