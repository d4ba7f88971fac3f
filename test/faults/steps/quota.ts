import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@cetus/test-kit';
import type { Account } from '../../integration/support/cloud-client.ts';
import type { Member } from '../../integration/support/installation.ts';
import type { FaultySystem } from '../system.ts';
import { DatabaseGate } from './database-gate.ts';
import { READY_MS } from './step.ts';
import type { RoundResult } from './run-round.ts';

const LIMIT = 2;
/** A project of its own, so that its quota is its own. */
export const QUOTA_ACCOUNT: Account = { user: 'demo2', password: 'devpw', project: 'demo2' };
/** Longer than a place is kept for a cluster that never came. */
const KEPT_MS = 90_000;
/** Its name. */
export const QUOTA_STEP = 'quota: the API is killed when a place is taken and the cluster is not written';

/** Kills the API between the two writes of a create: the place is not lost, and no more clusters are made than may be. */
export async function killBetweenPlaceAndInsert({
  installation,
  db,
  databaseUrl,
}: FaultySystem): Promise<RoundResult> {
  const gate = new DatabaseGate(databaseUrl, 'clusters');
  const accepted: string[] = [];
  const started = Date.now();
  let api: Member | undefined;
  try {
    const settings = { CETUS_MONGODB_URL: await gate.start(), CETUS_QUOTA_CLUSTERS: String(LIMIT) };
    const member = (api = await installation.add('api', { settings }));
    const client = await installation.signIn(member, QUOTA_ACCOUNT);
    const template = await client.template();
    const create = (key: string): Promise<{ status: number; body: { uuid: string } }> =>
      client.request('/v1/clusters', {
        method: 'POST',
        body: { cluster_template_id: template, name: 'placed' },
        headers: { 'idempotency-key': key },
      });
    // Until a conductor has said what it offers nothing is accepted; later ones are killed meanwhile.
    const accept = async (key: string, timeoutMs: number): Promise<void> => {
      const { body } = await waitFor(
        async () => {
          const answer = await create(key);
          return answer.status === 202 && answer;
        },
        { timeoutMs, what: 'a cluster is accepted' },
      );
      accepted.push(body.uuid);
    };
    const used = async (): Promise<number> => {
      const ledger = await db.collection('quota_usage').findOne({ _id: client.projectId as never });
      return Number(ledger?.['settled'] ?? 0) + ((ledger?.['places'] as unknown[] | undefined) ?? []).length;
    };
    const written = (): Promise<number> =>
      db.collection('clusters').countDocuments({ project_id: client.projectId });
    await accept(randomUUID(), READY_MS);

    const held = gate.hold();
    const key = randomUUID();
    const unanswered = create(key).catch(() => undefined);
    await held;
    await member.kill9();
    assert.equal(await unanswered, undefined, 'it was answered');
    assert.deepEqual([await used(), await written()], [LIMIT, 1], 'it was killed elsewhere');
    gate.open();
    await member.restart();

    // The client asks again. Its first request may still be on its way, as far as anybody can know: until it cannot be any more.
    await accept(key, KEPT_MS);
    assert.equal((await create(randomUUID())).status, 403, 'there is no place left');
    assert.deepEqual([await used(), await written()], [LIMIT, LIMIT]);
    for (const uuid of accepted) await client.until(uuid, 'CREATE_COMPLETE', READY_MS);
    const time = `${((Date.now() - started) / 1_000).toFixed(1)} s`;
    return { steps: { [QUOTA_STEP]: time }, accepted, violations: [] };
  } catch (error) {
    return { steps: { [QUOTA_STEP]: 'wrong' }, accepted, violations: [`${QUOTA_STEP}: ${String(error)}`] };
  } finally {
    await api?.kill9();
    await gate.stop();
  }
}
