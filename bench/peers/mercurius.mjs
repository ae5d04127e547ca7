// Mercurius with graphql-jit, each relation a batched loader.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { accounts, balances, clients, connections, live, owners, page, total, typeDefs, webStatuses } from './reading.mjs';

const loader = (load) => ({ loader: load, opts: { cache: false } });
const numbers = (queries) => queries.map(({ obj }) => obj.clientNumber);
// Balances and their total come from one statement: the second loader waits for the rows of the first.
function shared(context, wanted) {
  const key = `${wanted.length}:${wanted[0]}:${wanted.at(-1)}`;
  context.balances ??= {};
  return (context.balances[key] ??= balances(wanted));
}

const app = Fastify();
app.register(mercurius, {
  schema: typeDefs, jit: 1, graphiql: false,
  resolvers: {
    Query: {
      clients: async (_, { first, after }) => ({ nodes: await page(after, first) }),
      client: async (_, { by }) => (await clients([by.clientNumber]))[0] ?? null,
    },
    ...connections,
    CurrencyBalance: { value: ({ value }) => ({ amount: value }) },
  },
  loaders: {
    Client: {
      webStatus: loader((queries) => webStatuses(numbers(queries))),
      tradingAccounts: loader(async (queries) => (await accounts(numbers(queries))).map((nodes) => ({ nodes }))),
      balances: loader((queries, context) => shared(context, numbers(queries))),
      totalFloatingBalance: loader(async (queries, context) => (await shared(context, numbers(queries))).map(total)),
    },
    TradingAccount: {
      live: loader((queries) => live(queries.map(({ obj }) => obj))),
      client: loader((queries) => owners(queries.map(({ obj }) => obj))),
    },
  },
});
app.listen({ port: +process.env.PORT, host: '127.0.0.1' });
