// Drives an OpenFeature client: a line of JSON in, a line of JSON out. The first line says which client, and how it is set up.
import readline from 'node:readline';

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value ?? '{"do":"end"}');
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const typed = { boolean: 'Boolean', number: 'Number', string: 'String', object: 'Object' };

async function serverClient({ baseUrl, headers }) {
  const { OpenFeature } = await import('@openfeature/server-sdk');
  const { OFREPProvider } = await import('@openfeature/ofrep-provider');
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
  const client = OpenFeature.getClient();
  return {
    evaluate: ({ flag, type, otherwise, context }) => client[`get${typed[type]}Details`](flag, otherwise, context),
    end: () => OpenFeature.close(),
  };
}

async function webClient({ baseUrl, headers, context, pollInterval }) {
  const { EventSource } = await import('eventsource');
  globalThis.EventSource = EventSource;
  const { OpenFeature, ProviderEvents } = await import('@openfeature/web-sdk');
  const { OFREPWebProvider } = await import('@openfeature/ofrep-web-provider');
  const requests = [];
  const changes = [];
  let waiting = () => {};
  const fetchImplementation = async (request) => {
    const asked = { tag: request.headers.get('if-none-match'), told: new URL(request.url).searchParams.get('flagConfigEtag') };
    const response = await fetch(request);
    requests.push({ ...asked, status: response.status, etag: response.headers.get('etag') });
    waiting();
    return response;
  };
  const until = (is) => new Promise((done) => {
    waiting = () => is() && done();
    waiting();
  });
  OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, (event) => {
    changes.push(event.flagsChanged);
    waiting();
  });
  await OpenFeature.setContext(context);
  const changeDetection = pollInterval ? 'polling' : 'sse';
  const provider = new OFREPWebProvider({ baseUrl, headers, pollInterval, fetchImplementation, changeDetection, cacheMode: 'disabled' });
  let failed = null;
  await OpenFeature.setProviderAndWait(provider).catch((error) => { failed = { code: error.code, message: error.message }; });
  const client = OpenFeature.getClient();
  return {
    evaluate: ({ flag, type, otherwise }) => client[`get${typed[type]}Details`](flag, otherwise),
    failed: () => failed,
    requests: async ({ atLeast }) => {
      await until(() => requests.length >= atLeast);
      return requests;
    },
    changes: async ({ atLeast }) => {
      await until(() => changes.length >= atLeast);
      return changes;
    },
    end: () => OpenFeature.close(),
  };
}

const settings = await read();
const client = await (settings.client === 'web' ? webClient(settings) : serverClient(settings));
say('ready');
for (let asked = await read(); ; asked = await read()) {
  say((await client[asked.do](asked)) ?? null);
  if (asked.do === 'end') break;
}
process.exit(0);
