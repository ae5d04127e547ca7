// One morning of a dashboard and a partner, played with whichever client is named first on the command line. Each client
// is used as its own documentation shows it. The report goes out as JSON; test_clients.py knows what it must say.
import { readFileSync } from "node:fs";

const { url, server, login, currency, key } = JSON.parse(readFileSync(0, "utf8"));
const bearer = (token) => ({ authorization: `Bearer ${token}` });

// Each client: (document, variables, token) -> {data, errors, networkError}
const clients = {
  apollo: async () => {
    const { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } = await import("@apollo/client");
    return async (text, variables, token) => {
      const link = new HttpLink({ uri: url, headers: bearer(token) });
      const client = new ApolloClient({
        link,
        cache: new InMemoryCache(),
        defaultOptions: { query: { errorPolicy: "all" }, mutate: { errorPolicy: "all" } },
      });
      const document = gql(text);
      const isMutation = document.definitions.some((one) => one.operation === "mutation");
      const result = isMutation
        ? await client.mutate({ mutation: document, variables })
        : await client.query({ query: document, variables });
      const error = result.error;
      if (error === undefined) return { data: result.data };
      if (CombinedGraphQLErrors.is(error)) return { data: result.data, errors: error.errors };
      return { status: error.statusCode, bodyText: error.bodyText };
    };
  },
  urql: async () => {
    const { Client, fetchExchange } = await import("@urql/core");
    return async (text, variables, token) => {
      const client = new Client({ url, exchanges: [fetchExchange], fetchOptions: { headers: bearer(token) }, preferGetMethod: false });
      const isMutation = text.trimStart().startsWith("mutation");
      const result = await (isMutation ? client.mutation(text, variables) : client.query(text, variables)).toPromise();
      return {
        data: result.data,
        errors: result.error?.graphQLErrors,
        networkError: result.error?.networkError?.message,
        status: result.error?.response?.status,
      };
    };
  },
  "graphql-request": async () => {
    const { ClientError, GraphQLClient } = await import("graphql-request");
    return async (text, variables, token) => {
      const client = new GraphQLClient(url, { headers: bearer(token) });
      try {
        return { data: await client.request(text, variables) };
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        return { data: error.response.data, errors: error.response.errors, status: error.response.status };
      }
    };
  },
};

const CLIENT = "query Read($n: Int!) { client(by: {clientNumber: $n}) { fullName totalFloatingBalance { amount currency } } }";
const LIVE = '{ tradingAccount(by: { account: { server: "A1", login: "71001" } }) { login live { balance } } }';
const PAGE = `query Page($after: String) { clients(first: 3, after: $after) {
  nodes { clientNumber } pageInfo { hasNextPage endCursor } } }`;
const DEPOSIT = `mutation Deposit($input: DepositInput!) { deposit(input: $input) {
  __typename
  ... on DepositConfirmed { instruction { id status } }
  ... on IdempotencyConflict { code retry original { id } }
  ... on MutationError { code retry message } } }`;

const ask = await clients[process.argv[2]]();
const report = {};

report.read = (await ask(CLIENT, { n: 500608 }, "demo-operator")).data.client;

// With its default policy Apollo throws away the data of an answer with errors.
const unsupported = await ask(LIVE, {}, "demo-operator");
report.unsupported = { login: unsupported.data.tradingAccount.login, live: unsupported.data.tradingAccount.live, errors: unsupported.errors };

report.pages = [];
for (let after = null, turn = 0; turn < 3; turn += 1) {
  const { data } = await ask(PAGE, { after }, "demo-operator");
  report.pages.push(...data.clients.nodes.map((node) => node.clientNumber));
  after = data.clients.pageInfo.endCursor;
}

const deposit = async (amount) => {
  const input = { account: { account: { server, login } }, amount, currency, idempotencyKey: key };
  return (await ask(DEPOSIT, { input }, "demo-operator")).data.deposit;
};
report.first = await deposit("3.21");
report.replay = await deposit("3.210");
report.conflict = await deposit("4.00");

const forbidden = await ask(CLIENT, { n: 500608 }, "demo-reader");
report.forbidden = { data: forbidden.data?.client ?? null, codes: forbidden.errors.map((one) => one.extensions.code) };
const wrong = await ask("{ client(by: {}) { fullName } }", {}, "demo-operator");
report.wrong = { codes: wrong.errors?.map((one) => one.extensions.code), locations: wrong.errors?.[0].locations?.length };
const stranger = await ask(CLIENT, { n: 500608 }, "nobody");
report.stranger = {
  codes: (stranger.errors ?? JSON.parse(stranger.bodyText ?? "{}").errors)?.map((one) => one.extensions.code),
};

process.stdout.write(JSON.stringify(report));
