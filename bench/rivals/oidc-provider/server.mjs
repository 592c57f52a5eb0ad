// An authorization server with its in-memory adapter: opaque access tokens by client credentials,
// introspection and revocation. Says where it listens and runs until it is stopped.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [clientId, clientSecret, port] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  ttl: { ClientCredentials: 24 * 60 * 60 },
});
const server = createServer(provider.callback());
// Connections stay open between the turns of a run, as they do elsewhere.
server.keepAliveTimeout = 0;
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
