import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { waitFor } from '@cetus/test-kit';
import { openPodLog, readPodLog, type OpenPodLogOptions } from '../../src/pod-log.ts';
import { kubernetesContract, refusal } from './bench.ts';

const TALKS = ['sh', '-c', 'echo begin; echo second; while true; do echo alive; sleep 1; done'];

kubernetesContract('logs', (bench) => {
  const signal = new AbortController().signal;
  let talking: string;

  const container = (command?: string[], name = 'c'): object => ({
    name,
    image: bench.cluster.image,
    ...(command === undefined ? {} : { command }),
  });
  const read = async (
    name: string,
    more: Omit<OpenPodLogOptions, 'namespace' | 'name'> = {},
  ): Promise<string> =>
    (await readPodLog(bench.connection, { namespace: bench.namespace, name, ...more })).text;
  const open = (
    name: string,
    more: Omit<OpenPodLogOptions, 'namespace' | 'name'>,
    end = signal,
  ): Promise<Readable> => openPodLog(bench.connection, { namespace: bench.namespace, name, ...more }, end);
  const raw = (name: string, query: Record<string, string>): Promise<unknown> =>
    bench.connection.get(`${bench.path('pods')}/${name}/log`, { query });

  before(async () => {
    talking = await bench.pod({ containers: [container(TALKS)] }, 'Running');
  });

  it('are read from their end, from a time, and to a number of bytes', async () => {
    await bench.until(
      `${bench.path('pods')}/${talking}`,
      async () => (await read(talking)).split('\n').length > 3,
    );
    const all = await read(talking);
    const two = (await read(talking, { tailLines: 2 })).split('\n');
    assert.deepEqual([two.length, two.at(-1)], [3, '']);
    assert.equal(await read(talking, { tailLines: 0 }), '');
    assert.equal(await read(talking, { limitBytes: 5 }), all.slice(0, 5));
    const hour = new Date(Date.now() + 3_600_000).toISOString();
    assert.equal(await read(talking, { sinceTime: hour }), '');
    assert.ok((await read(talking, { sinceSeconds: 3600 })).startsWith(all.slice(0, 5)));
    const young = await read(talking, { timestamps: true, sinceSeconds: 3600, limitBytes: 30 });
    assert.match(young, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/);
  });

  it('are followed, line by line, until the pod is gone', async () => {
    const name = await bench.pod({ containers: [container(TALKS)] }, 'Running');
    const log = await open(name, { follow: true, tailLines: 1 });
    let lines = 0;
    let deleted: Promise<unknown> | undefined;
    for await (const chunk of log as AsyncIterable<Buffer>) {
      lines += chunk.toString().split('\n').length - 1;
      if (lines >= 3) deleted ??= bench.delete(`${bench.path('pods')}/${name}`, { gracePeriodSeconds: 0 });
    }
    await deleted;
    assert.ok(lines >= 3);
  });

  it('are followed until the signal ends it', async () => {
    const abort = new AbortController();
    const log = await open(talking, { follow: true, tailLines: 1 }, abort.signal);
    const reason = new Error('enough');
    await assert.rejects(async () => {
      for await (const _ of log) abort.abort(reason);
    });
    assert.ok(log.destroyed);
  });

  it('of the run before are there after a restart', async () => {
    const name = await bench.pod({ containers: [container(['sh', '-c', 'echo begin; exit 3'])] });
    // A kubelet may have removed it already when it says that there was one.
    await waitFor(async () => /\n$/.test(await read(name, { previous: true })), {
      what: 'the log of the run before',
    });
    const none = await refusal(read(talking, { previous: true }), 400, 'BadRequest');
    assert.equal(none.message, `previous terminated container "c" in pod "${talking}" not found`);
  });

  it('are refused where there are none', async () => {
    await refusal(read('none'), 404, 'NotFound');
    const other = await refusal(read(talking, { container: 'other' }), 400, 'BadRequest');
    assert.equal(other.message, `container other is not valid for pod ${talking}`);
    const two = await bench.pod(
      { containers: [container(), container(['sh', '-c', 'sleep 1000'], 'd')] },
      'Running',
    );
    const several = await refusal(read(two), 400, 'BadRequest');
    assert.equal(several.message, `a container name must be specified for pod ${two}, choose one of: [c d]`);
    const missing = await bench.pod({ containers: [{ name: 'c', image: 'registry.local/missing:1' }] });
    await bench.until(`${bench.path('pods')}/${missing}`, ({ status }) =>
      /Pull/.test(status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ''),
    );
    const waiting = await refusal(read(missing), 400, 'BadRequest');
    const why = /^container "c" in pod "[\w-]+" is waiting to start: (.*)$/.exec(waiting.message)?.[1];
    assert.ok(
      ["image can't be pulled", 'trying and failing to pull image'].includes(why ?? ''),
      waiting.message,
    );
    // On no node yet: nothing, and no error.
    assert.equal(await read(await bench.pod({ schedulerName: 'nobody', containers: [container()] })), '');
  });

  it('are refused for parameters that cannot be', async () => {
    const invalid = await refusal(raw(talking, { tailLines: '-1' }), 422, 'Invalid');
    assert.equal(
      invalid.message,
      `PodLogOptions "${talking}" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0`,
    );
    assert.equal(invalid.details?.causes?.[0]?.field, 'tailLines');
    await refusal(raw(talking, { limitBytes: '0' }), 422, 'Invalid');
    await refusal(raw(talking, { sinceSeconds: '0' }), 422, 'Invalid');
    await refusal(raw(talking, { sinceSeconds: '1', sinceTime: '2020-01-01T00:00:00Z' }), 422, 'Invalid');
    const text = await refusal(raw(talking, { tailLines: 'abc' }), 400, 'BadRequest');
    assert.equal(text.message, 'strconv.ParseInt: parsing "abc": invalid syntax');
    await refusal(raw(talking, { sinceTime: 'yesterday' }), 400, 'BadRequest');
  });
});
