// A toy subgraph with tickets of a help desk, and Hive's gateway over it and over the graph. Reads a line of JSON:
// { tickets, sdl }. Prints the address of the toy subgraph, reads { supergraph }, and prints that of the gateway.

import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createGatewayRuntime } from "@graphql-hive/gateway-runtime";
import { createSchema, createYoga } from "graphql-yoga";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);

async function serve(handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log(`http://127.0.0.1:${server.address().port}/graphql`);
}

const { tickets, sdl } = await read();
// The toy subgraph resolves no entity itself, so that it needs no library of federation.
const directives = `
  directive @link(url: String!, import: [String!]) on SCHEMA
  directive @key(fields: String!, resolvable: Boolean) repeatable on OBJECT`;
const schema = createSchema({ typeDefs: [directives, sdl], resolvers: { Query: { tickets: () => tickets } } });
await serve(createYoga({ schema, logging: false, maskedErrors: false }));

const { supergraph } = await read();
await serve(
  createGatewayRuntime({
    supergraph,
    maskedErrors: false,
    logging: false,
    // The caller's key goes on to the graph.
    propagateHeaders: { fromClientToSubgraphs: ({ request }) => ({ authorization: request.headers.get("authorization") }) },
  }),
);
