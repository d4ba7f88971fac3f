import assert from 'node:assert/strict';
import { OpenStackError } from '@cetus/openstack/errors';
import type { MagnumService } from '@cetus/openstack/magnum';
import { conductorReports, isFresh, mayAppear } from '../../../../src/cluster/drivers/magnum/appearance.ts';
import { memoryOf, type Memory } from '../../../../src/cluster/drivers/magnum/memory.ts';
import { storedCluster } from '../../stored-cluster.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const seconds = (count: number): number => NOW + count * 1_000;

describe('A cluster that is not in Magnum', () => {
  const nothing = memoryOf(storedCluster(), null);
  const announced: Memory = { ...nothing, create: { operation: 'o1', at: NOW } };
  const accepted: Memory = { ...announced, uuid: 'u1' };
  /** Whether it may appear so many seconds after it was announced or accepted. */
  const may = (memory: Memory, after: number, reports: number[] | null): Promise<boolean> =>
    mayAppear(memory, () => Promise.resolve(reports?.map(seconds) ?? null), seconds(after));
  const unasked = (memory: Memory, after: number): Promise<boolean> =>
    mayAppear(memory, () => Promise.reject(new Error('nobody has to know')), seconds(after));

  it('may not appear when none was asked for, or when it was there', async () => {
    assert.equal(await unasked(nothing, 0), false);
    assert.equal(await unasked({ ...accepted, seen: true }, 0), false);
  });

  it('may while a request that nobody heard an answer to may be under way, and a conductor may be about to take it', async () => {
    assert.equal(await unasked(announced, 119), true);
    assert.equal(await may(announced, 121, null), false);
  });

  it('may while no conductor has run since it was put into the queue', async () => {
    assert.equal(await may(announced, 3_600, []), true);
    assert.equal(await may(announced, 3_600, [80]), true);
    assert.equal(await may(announced, 126, [96]), false);
    assert.equal(await may(accepted, 3_600, [-5, 3]), true);
    assert.equal(await may(accepted, 36, [-5, 6]), false);
  });

  it('may while the conductor has only just begun', async () => {
    assert.equal(await may(accepted, 3_600, [3_580]), true);
    assert.equal(await may(accepted, 3_600, [3_570]), false);
  });

  it('may for half a minute after it was accepted, whoever runs, and for ten minutes when nobody says', async () => {
    assert.equal(await unasked(accepted, 29), true);
    assert.equal(await may(accepted, 599, null), true);
    assert.equal(await may(accepted, 601, null), false);
  });

  it('is asked for only at once after it was announced', () => {
    assert.equal(isFresh(NOW, seconds(4)), true);
    assert.equal(isFresh(NOW, seconds(6)), false);
  });
});

describe('When conductors of Magnum ran', () => {
  const { signal } = new AbortController();
  const of = (services: Partial<MagnumService>[]) =>
    conductorReports({ listServices: () => Promise.resolve(services as MagnumService[]) }, signal);
  const refused = (status: number) => {
    const info = { service: 'container-infra', method: 'GET', path: '/v1/mservices' };
    const error = new OpenStackError(info, { status, message: 'no', body: undefined });
    return conductorReports({ listServices: () => Promise.reject(error) }, signal);
  };

  it('is what they last reported, or when they first did', async () => {
    const found = await of([
      {
        binary: 'magnum-conductor',
        created_at: '2025-01-01T00:00:00+00:00',
        updated_at: '2026-01-01T00:00:07+00:00',
      },
      { binary: 'magnum-conductor', created_at: '2026-01-01T00:00:09+00:00', updated_at: null },
      { binary: 'magnum-api', created_at: '2026-01-01T00:00:11+00:00', updated_at: null },
    ]);
    assert.deepEqual(found, [seconds(7), seconds(9)]);
  });

  it('is not known where Magnum does not tell, or knows of none', async () => {
    assert.equal(await refused(403), null);
    assert.equal(await of([]), null);
    await assert.rejects(refused(503), OpenStackError);
  });
});
