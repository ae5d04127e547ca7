// No GraphQL: what the same four statements, objects and JSON.stringify cost in node, written by hand for these documents.
import { createServer } from 'node:http';
import { accounts, balances, clients, live, page, webStatuses } from './reading.mjs';

function client({ clientNumber, fullName }, webStatus, found, records, group) {
  return {
    clientNumber, fullName, webStatus,
    tradingAccounts: { nodes: found.map(({ login, platform, group: name, currency, status }, at) => (records
      ? { login, platform, group: name, currency, status, live: records[at] }
      : { login, platform, group: name, currency, status })) },
    balances: group.map(({ currency, balance, value, cash }) => ({ currency, balance, value: { amount: value }, cash })),
    totalFloatingBalance: { amount: group.length ? group[0].total : '0.00' },
  };
}

async function whole(found, wantsLive) {
  const numbers = found.map(({ clientNumber }) => clientNumber);
  const withLive = async () => {
    const groups = await accounts(numbers);
    if (!wantsLive) return { groups, records: null };
    const flat = await live(groups.flat());
    let at = 0;
    return { groups, records: groups.map((group) => flat.slice(at, (at += group.length))) };
  };
  const [statuses, { groups, records }, held] = await Promise.all([webStatuses(numbers), withLive(), balances(numbers)]);
  return found.map((one, at) => client(one, statuses[at], groups[at], records?.[at], held[at]));
}

async function answer({ query, variables }) {
  const wantsLive = query.includes('live');
  if (variables.number !== undefined) return { client: (await whole(await clients([variables.number]), wantsLive))[0] ?? null };
  return { clients: { nodes: await whole(await page(variables.after, variables.first), wantsLive) } };
}

createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    try {
      const body = JSON.stringify({ data: await answer(JSON.parse(Buffer.concat(chunks))) });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    } catch (error) {
      response.writeHead(500);
      response.end(String(error));
    }
  });
}).listen(+process.env.PORT, '127.0.0.1');
