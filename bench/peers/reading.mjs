// What every node peer reads, and how: the same statements, one for a relation, and one call for a trading server.
import pg from 'pg';
import { Pool } from 'undici';

const { DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASE_PASSWORD, DATABASE_NAME, DATABASE_POOL, VENDOR_URL } = process.env;
export const POOL = +DATABASE_POOL;
export const connection = {
  host: DATABASE_HOST, port: +DATABASE_PORT, user: DATABASE_USER, password: DATABASE_PASSWORD, database: DATABASE_NAME,
};
export const pool = new pg.Pool({ ...connection, max: POOL, min: POOL });
const vendor = new Pool(VENDOR_URL, { connections: 32 });

const STATEMENTS = {
  page: 'SELECT client_number AS "clientNumber", name AS "fullName" FROM app.clients WHERE client_number > $1 ORDER BY client_number LIMIT $2',
  clients: 'SELECT client_number AS "clientNumber", name AS "fullName" FROM app.clients WHERE client_number = ANY($1::int[])',
  webStatuses: 'SELECT client_number, code, text FROM app.web_status WHERE client_number = ANY($1::int[])',
  accounts: 'SELECT client_number, server, login, platform, "group", currency, status FROM app.trading_accounts WHERE client_number = ANY($1::int[]) ORDER BY client_number, server, login',
  balances: `SELECT b.client_number, b.currency, b.balance, round(b.balance * r.rate, 2) AS value, b.cash,
      sum(round(b.balance * r.rate, 2)) OVER (PARTITION BY b.client_number) AS total
    FROM app.currency_balances b JOIN app.rates r USING (currency)
    WHERE b.client_number = ANY($1::int[]) ORDER BY b.client_number, b.currency`,
};
const CODES = ['BLOCKED', 'PENDING_APPROVAL', 'APPROVED', 'ON_HOLD'];
const STATUSES = ['UNKNOWN', 'CLOSED', 'READONLY', 'ACTIVE'];

const rows = (name, ...values) => pool.query({ name, text: STATEMENTS[name], values }).then((answer) => answer.rows);

function grouped(found) {
  const by = new Map();
  for (const row of found) {
    const group = by.get(row.client_number);
    if (group) group.push(row);
    else by.set(row.client_number, [row]);
  }
  return by;
}

export const page = (after, first) => rows('page', after, first);
export const clients = (numbers) => rows('clients', numbers);

export async function webStatuses(numbers) {
  const by = new Map();
  for (const { client_number, code, text } of await rows('webStatuses', numbers)) by.set(client_number, { code: CODES[code], text });
  return numbers.map((number) => by.get(number) ?? null);
}

export async function accounts(numbers) {
  const found = await rows('accounts', numbers);
  for (const row of found) row.status = STATUSES[row.status];
  const by = grouped(found);
  return numbers.map((number) => by.get(number) ?? []);
}

// Rows with `total`, the sum of the client's values.
export async function balances(numbers) {
  const by = grouped(await rows('balances', numbers));
  return numbers.map((number) => by.get(number) ?? []);
}

export async function live(found) {
  const by = new Map();
  for (const { server, login } of found) {
    const logins = by.get(server);
    if (logins) logins.push(login);
    else by.set(server, [login]);
  }
  const records = new Map();
  await Promise.all([...by].map(async ([server, logins]) => {
    const answer = await vendor.request({
      method: 'GET', path: `/v1/api/account/info?serverId=${server.slice(1)}&accountId=${logins.join(',')}`,
      headers: { 'x-api-tenantId': 'bench', 'x-api-token': 'bench' },
    });
    for (const record of (await answer.body.json()).data) records.set(`${server}:${record.login}`, { leverage: String(record.leverage) });
  }));
  return found.map(({ server, login }) => records.get(`${server}:${login}`) ?? null);
}

export async function owners(found) {
  const by = new Map();
  for (const row of await clients([...new Set(found.map(({ client_number }) => client_number))])) by.set(row.clientNumber, row);
  return found.map(({ client_number }) => by.get(client_number) ?? null);
}

const cursor = (...parts) => Buffer.from(JSON.stringify(parts)).toString('base64url');
// Pages as edges, with brokergraph's cursors.
const paged = (cursorOf) => ({
  edges: ({ nodes }) => nodes.map((node) => ({ cursor: cursorOf(node), node })),
  pageInfo: ({ nodes }) => ({ endCursor: nodes.length ? cursorOf(nodes.at(-1)) : null }),
});
export const connections = {
  ClientConnection: paged(({ clientNumber }) => cursor('clients', clientNumber)),
  TradingAccountConnection: paged(({ server, login }) => cursor('accounts', server, login)),
};

export const total = (group) => ({ amount: group.length ? group[0].total : '0.00' });

export const typeDefs = `
scalar Decimal
type Money { amount: Decimal! }
type WebStatus { code: String! text: String! }
type LiveAccount { leverage: Decimal }
type TradingAccount { login: String! platform: String! group: String currency: String status: String! live: LiveAccount client: Client }
type TradingAccountEdge { cursor: String! node: TradingAccount! }
type PageInfo { endCursor: String }
type TradingAccountConnection { nodes: [TradingAccount!]! edges: [TradingAccountEdge!]! pageInfo: PageInfo! }
type CurrencyBalance { currency: String! balance: Decimal! value: Money cash: Decimal! }
type Client {
  clientNumber: Int! fullName: String! webStatus: WebStatus tradingAccounts(first: Int): TradingAccountConnection!
  balances: [CurrencyBalance!]! totalFloatingBalance: Money!
}
type ClientEdge { cursor: String! node: Client! }
type ClientConnection { nodes: [Client!]! edges: [ClientEdge!]! pageInfo: PageInfo! }
input ClientBy { clientNumber: Int }
type Query { client(by: ClientBy!): Client clients(first: Int!, after: Int): ClientConnection! }`;
