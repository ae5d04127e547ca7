// PostGraphile 5: it plans SQL, and knows no vendor.
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { POOL, connection } from './reading.mjs';

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ schemas: ['app'], poolConfig: { ...connection, max: POOL } })],
  grafserv: { graphiql: false, watch: false, graphqlPath: '/graphql' },
  schema: { defaultBehavior: '+list -connection', retryOnInitFail: false },
};
const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(+process.env.PORT, '127.0.0.1');
