// GraphQL Yoga with graphql-jit, each relation a DataLoader.
import { createServer } from 'node:http';
import { useGraphQlJit } from '@envelop/graphql-jit';
import DataLoader from 'dataloader';
import { createSchema, createYoga } from 'graphql-yoga';
import { accounts, balances, clients, connections, live, owners, page, total, typeDefs, webStatuses } from './reading.mjs';

const context = () => ({
  webStatus: new DataLoader(webStatuses), accounts: new DataLoader(accounts), balances: new DataLoader(balances),
  live: new DataLoader(live, { cache: false }), owners: new DataLoader(owners, { cache: false }),
});
const resolvers = {
  Query: {
    clients: async (_, { first, after }) => ({ nodes: await page(after, first) }),
    client: async (_, { by }) => (await clients([by.clientNumber]))[0] ?? null,
  },
  Client: {
    webStatus: ({ clientNumber }, _, loaders) => loaders.webStatus.load(clientNumber),
    tradingAccounts: async ({ clientNumber }, _, loaders) => ({ nodes: await loaders.accounts.load(clientNumber) }),
    balances: ({ clientNumber }, _, loaders) => loaders.balances.load(clientNumber),
    totalFloatingBalance: async ({ clientNumber }, _, loaders) => total(await loaders.balances.load(clientNumber)),
  },
  ...connections,
  CurrencyBalance: { value: ({ value }) => ({ amount: value }) },
  TradingAccount: {
    live: (account, _, loaders) => loaders.live.load(account),
    client: (account, _, loaders) => loaders.owners.load(account),
  },
};
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }), context, plugins: [useGraphQlJit()], graphiql: false, logging: false,
  landingPage: false,
});
createServer(yoga).listen(+process.env.PORT, '127.0.0.1');
