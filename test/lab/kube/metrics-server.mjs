// Serves metrics.k8s.io/v1beta1 of one cluster of the lab: what `kubectl top` shows and autoscalers act on. It reads the kubelet's own
// figures as metrics-server does, and answers the API server alone, which is the front proxy of everybody who asks.
//   node metrics-server.mjs SETTINGS.json      what is in it: write_metrics_settings of lib/metrics.sh
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { podMetrics, nodeMetrics, Samples } from './lib/samples.mjs';

const { Buffer, console, setTimeout, URL, URLSearchParams } = globalThis;

const GROUP_VERSION = 'metrics.k8s.io/v1beta1';
const ROOT = `/apis/${GROUP_VERSION}`;
/** How often the kubelet is asked, in milliseconds: as often as the lab's autoscalers look. */
const PERIOD_MS = 2_000;
const TIMEOUT_MS = 10_000;

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { listen, kubelet, api, client, serving, frontProxy } = settings;
const pem = (file) => readFileSync(file, 'utf8');
const identity = { cert: pem(client.cert), key: pem(client.key) };
const samples = new Samples();
/** What a list may be narrowed by. */
const SELECTORS = ['labelSelector', 'fieldSelector'];

const RESOURCES = [
  { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
  { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
];

/** Asks for JSON by HTTPS; an answer that is none of 200 is an error with its code. */
function getJson(url, ca, more = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ...identity, ca, timeout: TIMEOUT_MS, ...more }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const { statusCode: code } = response;
        if (code === 200) resolve(JSON.parse(text));
        else reject(Object.assign(new Error(`${url} answers ${code}: ${text.slice(0, 300)}`), { code }));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`${url} does not answer`)));
    asked.on('error', reject);
    asked.end();
  });
}

/** Takes one sample after the other; what fails is said, and the next one tried. */
async function follow() {
  try {
    // The kubelet's certificate is its own, of its node's name.
    const more = { servername: kubelet.node };
    samples.add(
      await getJson(`${kubelet.url}/stats/summary?only_cpu_and_memory=true`, pem(kubelet.ca), more),
    );
  } catch (error) {
    console.error(new Date().toISOString(), error.message);
  }
  setTimeout(() => void follow(), PERIOD_MS);
}

/** The API server knows which pods there are, and which of them a selector means. */
const list = (path, query) =>
  getJson(`${api.url}/api/v1/${path}?${new URLSearchParams(query)}`, pem(api.ca)).then(({ items }) => items);

function listOf(kind, items) {
  return { kind, apiVersion: GROUP_VERSION, metadata: {}, items };
}

function fault(code, reason, message) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message };
}

/** What of the API is asked for: the path of its objects in the API server, and the name of one of them; undefined: nothing of it. */
function wantedOf(pathname) {
  const [first, second, third, fourth, ...more] = pathname.slice(ROOT.length + 1).split('/');
  if (first === 'nodes' && third === undefined) return { kind: 'nodes', path: 'nodes', name: second };
  if (first === 'pods' && second === undefined) return { kind: 'pods', path: 'pods' };
  if (first === 'namespaces' && third === 'pods' && more.length === 0)
    return { kind: 'pods', path: `namespaces/${second}/pods`, name: fourth };
  return undefined;
}

/** What is answered; a `Status` where there is nothing. */
async function answer({ pathname, searchParams }) {
  if (pathname === ROOT)
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: GROUP_VERSION, resources: RESOURCES };
  const wanted = pathname.startsWith(`${ROOT}/`) ? wantedOf(pathname) : undefined;
  if (wanted === undefined) return fault(404, 'NotFound', 'the server could not find the requested resource');
  const { kind, path, name } = wanted;
  const measure = kind === 'nodes' ? nodeMetrics : podMetrics;
  const query =
    name === undefined
      ? SELECTORS.flatMap((one) => (searchParams.has(one) ? [[one, searchParams.get(one)]] : []))
      : [['fieldSelector', `metadata.name=${name}`]];
  const found = (await list(path, query)).flatMap((object) => measure(samples, object) ?? []);
  if (name === undefined) return listOf(kind === 'nodes' ? 'NodeMetricsList' : 'PodMetricsList', found);
  return found[0] ?? fault(404, 'NotFound', `${kind}.metrics.k8s.io "${name}" not found`);
}

const server = createServer(
  {
    cert: pem(serving.cert),
    key: pem(serving.key),
    // Whoever is not the front proxy does not even get a connection; that its certificate has the right name is looked at below.
    ca: pem(frontProxy.ca),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (incoming, response) => {
    const send = (body) => {
      response.writeHead(body.kind === 'Status' ? body.code : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (incoming.socket.getPeerCertificate().subject?.CN !== frontProxy.name)
      return send(fault(401, 'Unauthorized', 'only the front proxy is answered'));
    if (incoming.method !== 'GET') return send(fault(405, 'MethodNotAllowed', 'metrics are only read'));
    answer(new URL(incoming.url, 'https://metrics-server')).then(send, (error) => {
      console.error(new Date().toISOString(), incoming.url, error.message);
      // What the API server refuses to list, it refuses here.
      const code = error.code >= 400 && error.code < 500 ? error.code : 500;
      send(fault(code, code === 500 ? 'InternalError' : 'BadRequest', error.message));
    });
  },
);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
server.listen(listen.port, listen.address, () => void follow());
