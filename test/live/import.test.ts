import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { requireOrSkip, TcpProxy, waitFor } from '@cetus/test-kit';
import type { FollowLease } from '@cetus/shared/schemas';
import { figure, live } from './support/suite.ts';

/** How long a cluster may go unwatched when the conductor that follows it dies. */
const UNWATCHED_MS = 30_000;
const CUT_MS = 60_000;

interface HealthCondition {
  type: string;
  status: string;
  reason: string;
}

live(
  'an imported Kubernetes',
  (on) => {
    let proxy: TcpProxy;
    let kubeconfig = '';
    let uuid = '';

    before('puts a proxy in front of it', async function () {
      const file = process.env['CETUS_LAB_KUBECONFIG'] ?? '';
      requireOrSkip(this, existsSync(file), 'no Kubernetes is up (CETUS_LAB_KUBECONFIG)');
      const text = readFileSync(file, 'utf8');
      const server = /server: "?(https:[^"\s,}]+)/.exec(text)?.[1] ?? '';
      proxy = new TcpProxy(server);
      kubeconfig = text.replace(server, (await proxy.start()).replace(/\/$/, ''));
    });

    after(async () => proxy?.stop());

    const conditions = async (): Promise<Record<string, HealthCondition>> =>
      Object.fromEntries((await on.demo.cluster(uuid)).conditions.map((one) => [one.type, one]));
    const until = (type: string, status: string, timeoutMs = 60_000): Promise<unknown> =>
      waitFor(async () => (await conditions())[type]?.status === status, {
        timeoutMs,
        what: `${type} is ${status}`,
      });
    const follower = async (): Promise<FollowLease | null> => {
      const cluster = await on.cetus.mongo
        .db('cetus')
        .collection<{ _id: string; follow: FollowLease | null }>('clusters')
        .findOne({ _id: uuid });
      return cluster?.follow ?? null;
    };

    it('is checked at once, and what is wrong is said of the kubeconfig', async () => {
      const send = (text: string) =>
        on.demo.send('POST', '/v1/clusters/import', { name: 'wrong', kubeconfig: text });
      for (const [text, code] of [
        ['not: a kubeconfig', 'invalid_field'],
        [kubeconfig.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1'), 'cluster_unreachable'],
        [
          // The context whose user has a token.
          kubeconfig
            .replace(/current-context: \S+/, 'current-context: a-token')
            .replace(/token: [^\s,}]+/, 'token: wrong'),
          'cluster_credentials_rejected',
        ],
      ] as const) {
        const answer = await send(text);
        assert.equal(answer.status, 400, JSON.stringify(answer.body));
        const [error] = answer.body.errors as { code: string; field: string; detail: string }[];
        assert.equal(error?.code, code, error?.detail);
        assert.match(error?.field ?? '', /^kubeconfig(\/|$)/);
      }
      assert.deepEqual((await on.demo.send('GET', '/v1/clusters')).body.clusters, [], 'nothing was stored');
    });

    it('is taken in, with its nodes and its version, and followed', async () => {
      const answer = await on.demo.send('POST', '/v1/clusters/import', { name: 'theirs', kubeconfig });
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      uuid = (answer.body as { uuid: string }).uuid;
      const cluster = await on.demo.settled(uuid);
      assert.equal(cluster.status, 'CREATE_COMPLETE', cluster.status_reason ?? '');
      assert.ok((cluster.actual_node_count ?? 0) + (cluster.actual_master_count ?? 0) >= 1);
      await until('Reachable', 'True');
      await until('Healthy', 'True');
    });

    it('is followed by another conductor when the one that does is killed', async () => {
      const before = await follower();
      assert.ok(before);
      const victim = on.cetus.conductors.findIndex(({ pid }) => before.owner.includes(`/${String(pid)}/`));
      assert.notEqual(victim, -1, before.owner);
      await on.cetus.conductors[victim]?.kill9();
      const killed = Date.now();
      const after = await waitFor(
        async () => {
          const now = await follower();
          return now !== null && now.owner !== before.owner && now;
        },
        { timeoutMs: UNWATCHED_MS, what: 'another conductor follows it' },
      );
      assert.ok(after.token > before.token);
      figure(`followed again ${String(Date.now() - killed)} ms after the kill`);
      assert.equal(
        (await conditions())['Reachable']?.status,
        'True',
        'nothing was told, as nothing was wrong with it',
      );
    });

    it('is unreachable once and reachable once when its network is cut for a minute, and not said to be unhealthy', async () => {
      const stream = await on.demoElsewhere.follow('?kind=cluster');
      proxy.cut();
      const cutAt = Date.now();
      await until('Reachable', 'False');
      figure(`unreachable ${String(Date.now() - cutAt)} ms after the cut`);
      assert.equal((await conditions())['Healthy']?.status, 'Unknown');
      const { status } = await on.demo.cluster(uuid);
      assert.equal(status, 'CREATE_COMPLETE', 'the cluster did not fail');
      await waitFor(() => Date.now() - cutAt >= CUT_MS, { timeoutMs: CUT_MS, what: 'the cut is over' });
      proxy.restore();
      const backAt = Date.now();
      await until('Reachable', 'True');
      figure(`reachable ${String(Date.now() - backAt)} ms after the way was open again`);
      await until('Healthy', 'True');
      stream.close();
      const flips = (type: string): string[] =>
        stream
          .of(uuid)
          .map(({ data }) => data.condition as HealthCondition | undefined)
          .filter((one) => one?.type === type)
          .map((one) => one?.status ?? '');
      assert.deepEqual(flips('Reachable'), ['False', 'True']);
      assert.deepEqual(flips('Healthy'), ['Unknown', 'True']);
    });

    it('stays as it is when it is removed', async () => {
      await on.demo.remove(uuid);
      const answer = await on.demo.send('POST', '/v1/clusters/import', { name: 'again', kubeconfig });
      assert.equal(answer.status, 202, 'it is still there');
      uuid = (answer.body as { uuid: string }).uuid;
      assert.equal((await on.demo.settled(uuid)).status, 'CREATE_COMPLETE');
      await on.demo.remove(uuid);
    });
  },
  () => ({ conductor: { CETUS_CLUSTER_DRIVERS: 'heat,import' } }),
);
