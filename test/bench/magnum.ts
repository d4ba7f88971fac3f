import { signIn } from '../integration/support/cloud-client.ts';
import { httpJson } from '../integration/support/json-http.ts';
import { report, round } from './figures.ts';

/** The lab's Magnum and the Keystone that it asks. */
const MAGNUM = 'http://127.0.0.1:9611';
const KEYSTONE = 'http://127.0.0.1:5000/v3';
/** It is slow: few requests say enough. */
const REQUESTS = 5;
const TIMEOUT_MS = 30_000;

/** Undefined where no Magnum answers. */
async function magnumHeaders(): Promise<Record<string, string> | undefined> {
  try {
    if ((await httpJson(MAGNUM, { timeoutMs: 5_000 })).status >= 400) return undefined;
    return { 'x-auth-token': (await signIn(KEYSTONE)).token };
  } catch {
    return undefined;
  }
}

/** How many a second one client gets done, one after the other. */
async function perSecond(request: (i: number) => Promise<void>): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < REQUESTS; i += 1) await request(i);
  return REQUESTS / ((performance.now() - started) / 1_000);
}

/** Magnum's `POST /v1/clusters`; what was made is deleted again. */
export async function compareAcceptWithMagnum(cetusPerSecond: number): Promise<void> {
  const headers = await magnumHeaders();
  const why = { bench: 'accept', against: 'Magnum', skipped: `no Magnum at ${MAGNUM}` };
  if (headers === undefined) return report(why);
  const send = <T>(path: string, method = 'GET', body?: object) =>
    httpJson<T>(`${MAGNUM}${path}`, {
      method,
      headers,
      timeoutMs: TIMEOUT_MS,
      ...(body === undefined ? {} : { body }),
    });
  const template = await send<{ uuid: string }>('/v1/clustertemplates', 'POST', {
    name: 'cetus-bench',
    coe: 'kubernetes',
    image_id: 'fedora-coreos-37',
    flavor_id: 'm1.small',
    master_flavor_id: 'm1.small',
    external_network_id: 'public',
    network_driver: 'flannel',
  });
  if (template.status !== 201)
    return report({ ...why, skipped: `Magnum: ${template.status} ${JSON.stringify(template.body)}` });
  const made: string[] = [];
  try {
    const rate = await perSecond(async (i) => {
      const body = {
        name: `cetus-bench-${i}`,
        cluster_template_id: template.body.uuid,
        node_count: 1,
        keypair: 'testkey',
      };
      const answer = await send<{ uuid: string }>('/v1/clusters', 'POST', body);
      if (answer.status !== 202) throw new Error(`Magnum: ${answer.status} ${JSON.stringify(answer.body)}`);
      made.push(answer.body.uuid);
    });
    const ratio = cetusPerSecond / rate;
    report({
      bench: 'accept',
      against: 'Magnum',
      magnum_per_s: round(rate),
      ratio: round(ratio, 0),
      budget: '>= 200',
      met: ratio >= 200,
    });
  } catch (error) {
    report({ ...why, skipped: String(error) });
  } finally {
    for (const uuid of made) await send(`/v1/clusters/${uuid}`, 'DELETE');
    await deleteWhenUnused(() => send(`/v1/clustertemplates/${template.body.uuid}`, 'DELETE'));
  }
}

/** Magnum's list of the project's clusters, however many it has. */
export async function compareListWithMagnum(cetusPerSecond: number): Promise<void> {
  const headers = await magnumHeaders();
  if (headers === undefined)
    return report({ bench: 'read', against: 'Magnum', skipped: `no Magnum at ${MAGNUM}` });
  let clusters = 0;
  const rate = await perSecond(async () => {
    const answer = await httpJson<{ clusters: unknown[] }>(`${MAGNUM}/v1/clusters`, {
      headers,
      timeoutMs: TIMEOUT_MS,
    });
    if (answer.status !== 200) throw new Error(`Magnum: ${answer.status}`);
    clusters = answer.body.clusters.length;
  });
  const ratio = cetusPerSecond / rate;
  report({
    bench: 'read',
    against: 'Magnum',
    what: `its list of ${clusters} clusters, against a page of 100 of 20,000`,
    magnum_per_s: round(rate),
    ratio: round(ratio, 0),
    budget: '>= 1000 (lists of 200)',
    met: ratio >= 1_000,
  });
}

async function deleteWhenUnused(remove: () => Promise<{ status: number }>): Promise<void> {
  const until = performance.now() + 120_000;
  while ((await remove()).status >= 400 && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 2_000));
}
