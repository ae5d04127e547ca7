// PostGraphile 5 over the sandbox's tables, for bench/lists.py.
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

const { DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASE_PASSWORD, DATABASE_NAME, DATABASE_POOL, PORT } = process.env;
const poolConfig = {
  host: DATABASE_HOST, port: +DATABASE_PORT, user: DATABASE_USER, password: DATABASE_PASSWORD, database: DATABASE_NAME,
  max: +DATABASE_POOL,
};
const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ schemas: ['hyper', 'peer', 'brokergraph'], poolConfig })],
  grafserv: { graphiql: false, watch: false, graphqlPath: '/graphql' },
  schema: { retryOnInitFail: false },
};
const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(+PORT, '127.0.0.1');
