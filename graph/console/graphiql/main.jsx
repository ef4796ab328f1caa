// The page: GraphiQL on /graphql of the server that it comes from, with our
// samples as its first tabs.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { createRoot } from 'react-dom/client';
import { samples } from '../static/samples.js';

// The editor asks for its workers by label; build.mjs puts them beside this file.
const workers = { json: 'json.worker.js', graphql: 'graphql.worker.js' };
globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker(new URL(workers[label] ?? 'editor.worker.js', document.baseURI)),
};

const endpoint = new URL('graphql', document.baseURI);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';

const fetcher = createGraphiQLFetcher({
  url: endpoint.href,
  enableIncrementalDelivery: false, // the schema has no @defer
  wsClient: createClient({ url: socket.href }),
});

const tabs = samples.map(({ query, variables }) => ({ query, variables: variables ? JSON.stringify(variables, null, 2) : '' }));

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL fetcher={fetcher} defaultTabs={tabs} defaultEditorToolsVisibility="variables">
    <GraphiQL.Logo>Jeongsan</GraphiQL.Logo>
  </GraphiQL>,
);
