import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rabbitUrl, requireOrSkip, topologyPrefix, waitFor } from '@cetus/test-kit';
import { CetusError } from '@cetus/shared/errors';
import { acceptOperation } from '@cetus/shared/operations';
import { stateOf, type StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER, scopeOf } from '@cetus/shared/store';
import { inProcessHarness, rabbitHarness, type BusHarness } from '../bus/harness.ts';
import { deferred } from '../bus/inbox.ts';
import { cluster, idleCluster, requester } from '../store/builders.ts';
import { LoopFixture, pause } from './loop-fixture.ts';

const COMPLETE = { ended: { state: 'COMPLETE' as const } };
const SCOPE = scopeOf({ projectId: 'p1' });
/** Long enough ago for the sweep to look. */
const LONG_AGO = (): Date => new Date(Date.now() - 20_000);

function loopOver(name: string, open: (context: Mocha.Context) => Promise<BusHarness>): void {
  describe(`ReconcileLoop: ${name}`, () => {
    let harness: BusHarness;
    let fixture: LoopFixture;

    before(async function () {
      harness = await open(this);
      fixture = await LoopFixture.open(() => harness.join({ services: { conductor: ['cluster'] } }));
    });
    afterEach(() => fixture.reset());
    after(async () => {
      await harness?.end();
      await fixture?.close();
    });

    it('carries an operation out in rounds, from command to end, and tells of it', async () => {
      const bus = await harness.join();
      const told: string[] = [];
      const subscription = await bus.subscribeNotifications('cluster.#', (event) =>
        told.push(`${event.sequence} ${event.type}`),
      );
      await fixture.start((_object, { round }) =>
        round < 3 ? { progress: `step ${String(round)}`, wakeUpAfterMs: 60 } : COMPLETE,
      );
      const made = await fixture.accept(cluster());
      const done = await fixture.until(made._id, 'CREATE_COMPLETE');
      assert.equal(fixture.roundsOf(made._id).length, 3);
      assert.deepEqual([done.lease, done.attempts, done.status.observed_generation], [null, 0, 1]);
      await waitFor(() => told.includes('2 cetus.cluster.create.end'));
      assert.deepEqual([...new Set(told)], ['1 cetus.cluster.create.start', '2 cetus.cluster.create.end']);
      await waitFor(async () => (await fixture.objects.read(made._id)).pending_events.length === 0);
      assert.deepEqual(fixture.results, ['progress', 'progress', 'ended']);
      await subscription.close();
    });

    it('goes on at once when the reconciler asks for it', async () => {
      await fixture.start((_object, { round }) => (round < 5 ? { wakeUpAfterMs: 0 } : COMPLETE), {
        sweepMs: 60_000,
      });
      const made = await fixture.accept(cluster());
      await fixture.until(made._id, 'CREATE_COMPLETE', 2_000);
    });

    it('tries again after an error, says why meanwhile, and ends well', async () => {
      const seen: (string | null | undefined)[] = [];
      await fixture.start((object, { round }) => {
        seen.push(object.operation?.progress);
        if (round < 4) throw new CetusError('back_end_unavailable', 'Heat does not answer');
        return COMPLETE;
      });
      const made = await fixture.accept(cluster());
      const done = await fixture.until(made._id, 'CREATE_COMPLETE');
      assert.deepEqual(seen, [null, 'Heat does not answer', 'Heat does not answer', 'Heat does not answer']);
      assert.deepEqual(fixture.results, ['retry', 'retry', 'retry', 'ended']);
      assert.equal(done.attempts, 0);
    });

    it('ends an operation on an error that no waiting mends', async () => {
      await fixture.start(() => {
        throw new CetusError('flavor_not_found', 'There is no flavor huge');
      });
      const made = await fixture.accept(cluster());
      const failed = await fixture.until(made._id, 'CREATE_FAILED');
      assert.deepEqual(failed.status.failure, {
        code: 'flavor_not_found',
        message: 'There is no flavor huge',
      });
    });

    it('ends an operation at its deadline, whatever it waits for', async () => {
      await fixture.start(() => ({ progress: 'waits for servers', wakeUpAfterMs: 3_600_000 }));
      const made = await fixture.accept(cluster({ deadlineMs: 400 }));
      const failed = await fixture.until(made._id, 'CREATE_FAILED');
      assert.equal(failed.status.failure?.code, 'operation_deadline_exceeded');
      assert.ok((failed.operation?.finished_at ?? 0) >= (made.operation?.deadline_at ?? 0));
    });

    it('gives an object another round at once that was changed during a round', async () => {
      const [started, release] = [deferred(), deferred()];
      await fixture.start(
        async (object) => {
          if (object.operation?.action === 'delete') return COMPLETE;
          started.resolve();
          await release.promise;
          return { ...COMPLETE, wakeUpAfterMs: 3_600_000 };
        },
        { sweepMs: 60_000 },
      );
      const made = await fixture.accept(cluster());
      await started.promise;
      // Accepted, and its command lost: the holder sees it when it writes.
      await fixture.api.change(SCOPE, made._id, (current) =>
        acceptOperation(current, {
          kind: CLUSTER,
          caller: requester(),
          requested: 'delete',
          deadlineMs: 60_000,
        }),
      );
      release.resolve();
      const gone = await fixture.until(made._id, 'DELETE_COMPLETE', 3_000);
      assert.ok(gone.deleted_at !== null);
      assert.equal(gone.sequence, 4, 'create.start, create.cancelled, delete.start, delete.end');
    });

    it('shares a hundred objects between two processes, and never works on one in both', async () => {
      const working = new Set<string>();
      const script = async (object: StoredCluster, { round }: { round: number }) => {
        assert.ok(!working.has(object._id), 'nobody else works on it');
        working.add(object._id);
        await pause(2);
        working.delete(object._id);
        return round < 2 ? { wakeUpAfterMs: 30 } : COMPLETE;
      };
      // Concurrency above what one burst needs, so that nothing is put off.
      await Promise.all([
        fixture.start(script, { concurrency: 30 }),
        fixture.start(script, { concurrency: 30 }),
      ]);
      const made = await Promise.all(
        Array.from({ length: 100 }, (_, i) => fixture.accept(cluster({ project: `p${String(i % 5)}` }))),
      );
      // Twice over, as a broker may deliver.
      await Promise.all(made.map((object) => fixture.wakeUp(object)));
      await Promise.all(made.map(({ _id }) => fixture.until(_id, 'CREATE_COMPLETE')));
      assert.deepEqual([...new Set(fixture.rounds.map(({ by }) => by))].sort(), ['process-1', 'process-2']);
      assert.ok(
        fixture.results.every((result) => result === 'progress' || result === 'ended'),
        fixture.results.join(' '),
      );
    });

    it('keeps its lease while a round takes longer than the lease', async () => {
      const script = async () => {
        await pause(700);
        return COMPLETE;
      };
      await Promise.all([fixture.start(script, { leaseMs: 150 }), fixture.start(script, { leaseMs: 150 })]);
      const made = await fixture.accept(cluster());
      for (let i = 0; i < 5; i += 1) {
        await pause(100);
        await fixture.wakeUp(made);
      }
      await fixture.until(made._id, 'CREATE_COMPLETE');
      const [first, ...others] = fixture.roundsOf(made._id);
      for (const { started } of others)
        assert.ok(started >= (first?.ended ?? Infinity), 'no other round while it lasts');
    });

    it('writes nothing when the lease is lost, and stops the round', async () => {
      const aborted = deferred<unknown>();
      await fixture.start(
        async (_object, { signal }) => {
          await fixture.stealLease(made._id);
          await pause(10_000, signal).catch(() => aborted.resolve(signal.reason));
          return COMPLETE;
        },
        { leaseMs: 90 },
      );
      const made = cluster();
      await fixture.accept(made);
      assert.match(String(await aborted.promise), /LeaseLostError/);
      await waitFor(() => fixture.results.includes('lost'));
      const object = await fixture.objects.read(made._id);
      assert.deepEqual(
        [stateOf(object), object.lease?.owner, object.sequence],
        ['CREATE_IN_PROGRESS', 'thief', 1],
      );
    });

    it('takes over what a process had that died', async () => {
      const left = { ...cluster({ now: LONG_AGO() }) };
      await fixture.acceptSilently(left);
      await fixture.objects.claim(left._id, 'the dead', 5_000, { now: LONG_AGO() });
      const abandoned: number[] = [];
      await fixture.start((object) => {
        abandoned.push(object.abandoned);
        return COMPLETE;
      });
      const done = await fixture.until(left._id, 'CREATE_COMPLETE');
      assert.deepEqual([abandoned, done.abandoned], [[1], 0]);
    });

    it('fails an operation over which process after process dies', async () => {
      const left = { ...cluster({ now: LONG_AGO() }), abandoned: 4 };
      await fixture.acceptSilently(left);
      await fixture.objects.claim(left._id, 'the dead', 5_000, { now: LONG_AGO() });
      await fixture.start(() => assert.fail('is not tried'));
      const failed = await fixture.until(left._id, 'CREATE_FAILED');
      assert.equal(failed.status.failure?.code, 'internal_error');
    });

    it('finds by itself what no command told it of', async () => {
      const objects = Array.from({ length: 40 }, () => cluster({ now: LONG_AGO() }));
      await fixture.acceptSilently(...objects);
      await fixture.start(() => COMPLETE);
      await Promise.all(objects.map(({ _id }) => fixture.until(_id, 'CREATE_COMPLETE', 5_000)));
      assert.equal(fixture.rounds.length, 40, 'each once');
    });

    it("does not let one project's burst hold up another", async () => {
      const script = async () => {
        await pause(10);
        return COMPLETE;
      };
      const burst = Array.from({ length: 300 }, () => cluster({ project: 'a' }));
      const single = cluster({ project: 'b' });
      await fixture.acceptSilently(...burst, single);
      const bus = await harness.join();
      const loop = await fixture.start(script);
      const published = [...burst, single].map(({ _id: id, project_id, generation }) =>
        bus.publishCommand({ kind: 'cluster', id, project_id, generation, reason: 'create' }),
      );
      await Promise.all(published);
      await fixture.until(single._id, 'CREATE_COMPLETE');
      const before = fixture.rounds.findIndex(({ project }) => project === 'b');
      assert.ok(before < 100, `${String(before)} rounds of the burst came before`);
      await loop.stop(0);
    });

    it('does not multiply wake-ups: each round is the last that another waits for', async () => {
      await fixture.start(() => ({ wakeUpAfterMs: 200 }), { sweepMs: 60_000 });
      const made = await fixture.accept(cluster());
      for (let i = 1; i <= 5; i += 1) {
        await waitFor(() => fixture.rounds.length >= i);
        await fixture.wakeUp(made);
      }
      // A look that found it being worked on comes a little later.
      const asked = fixture.rounds.length + 5;
      await waitFor(() => fixture.rounds.length >= asked + 5);
      const later = fixture.rounds.slice(asked + 1);
      for (const [i, round] of later.entries()) {
        const previous = fixture.rounds[asked + i];
        assert.ok(round.started - (previous?.started ?? 0) >= 140, 'rounds are as far apart as was asked');
      }
    });

    it('does nothing for a command whose operation has ended, and looks when it is asked to', async () => {
      await fixture.start(() => COMPLETE, { sweepMs: 60_000 });
      const made = await fixture.accept(cluster());
      await fixture.until(made._id, 'CREATE_COMPLETE');
      await fixture.send(made, 'create');
      await fixture.send(made, 'observed');
      await fixture.send(made, 'drifted');
      await waitFor(() => fixture.roundsOf(made._id).length >= 2);
      const other = await fixture.accept(cluster());
      await fixture.until(other._id, 'CREATE_COMPLETE');
      assert.equal(fixture.roundsOf(made._id).length, 2);
    });

    it('leaves what it cannot work on to a process that can, however the command comes', async () => {
      const only = (name: string) => ({ mine: async () => ({ name }), sweepMs: 60_000 });
      await fixture.start(() => COMPLETE, only('left'));
      await fixture.start(() => COMPLETE, only('right'));
      // Not in turns, as commands are given out in turns.
      const names = ['left', 'left', 'right', 'right', 'left', 'left'];
      const made = await Promise.all(names.map((name) => fixture.accept(cluster({ name }))));
      await Promise.all(made.map(({ _id }) => fixture.until(_id, 'CREATE_COMPLETE')));
      assert.deepEqual(
        made.map(({ _id }) => fixture.roundsOf(_id).map(({ by }) => by)),
        names.map((name) => [name === 'left' ? 'process-1' : 'process-2']),
      );
      assert.deepEqual(
        fixture.log.filter(({ level }) => level === 'warn' || level === 'error'),
        [],
      );
    });

    it('looks by itself only for what it can work on', async () => {
      const [theirs, mine] = [cluster({ name: 'theirs', now: LONG_AGO() }), cluster({ now: LONG_AGO() })];
      await fixture.acceptSilently(theirs, mine);
      await fixture.start(() => COMPLETE, { mine: async () => ({ name: mine.name }) });
      await fixture.until(mine._id, 'CREATE_COMPLETE');
      const left = await fixture.objects.read(theirs._id);
      assert.deepEqual([left.lease, left.lease_token, left.operation?.state], [null, 0, 'IN_PROGRESS']);
      assert.deepEqual(fixture.roundsOf(theirs._id), []);
    });

    it('wants nothing of an object that is gone', async () => {
      await fixture.start(() => COMPLETE);
      await fixture.wakeUp(cluster());
      await fixture.wakeUp(idleCluster());
      const made = await fixture.accept(cluster());
      await fixture.until(made._id, 'CREATE_COMPLETE');
      assert.equal(fixture.rounds.length, 1);
    });

    describe('when it stops', () => {
      it('ends the rounds that run, starts no other, and leaves the rest to others', async () => {
        const [started, release] = [deferred(), deferred()];
        const first = await fixture.start(
          async () => {
            started.resolve();
            await release.promise;
            return COMPLETE;
          },
          { concurrency: 1 },
        );
        const objects = await Promise.all(
          [1, 2, 3].map(() => fixture.accept(cluster({ project: randomUUID() }))),
        );
        await started.promise;
        const stopping = first.stop();
        release.resolve();
        await stopping;
        assert.equal(fixture.rounds.length, 1);
        const states = await Promise.all(
          objects.map(async ({ _id }) => stateOf(await fixture.objects.read(_id))),
        );
        assert.deepEqual(states.sort(), ['CREATE_COMPLETE', 'CREATE_IN_PROGRESS', 'CREATE_IN_PROGRESS']);
        // No sweep: the commands themselves come to the next process.
        await fixture.start(() => COMPLETE, { sweepMs: 60_000 });
        await Promise.all(objects.map(({ _id }) => fixture.until(_id, 'CREATE_COMPLETE', 5_000)));
      });

      it('aborts a round that does not end, and gives its lease back', async () => {
        const started = deferred();
        const first = await fixture.start(async (_object, { signal }) => {
          started.resolve();
          await pause(60_000, signal);
          return COMPLETE;
        });
        const made = await fixture.accept(cluster());
        await started.promise;
        await first.stop(50);
        const object = await fixture.objects.read(made._id);
        assert.deepEqual([object.lease, stateOf(object)], [null, 'CREATE_IN_PROGRESS']);
        await fixture.start(() => COMPLETE);
        const done = await fixture.until(made._id, 'CREATE_COMPLETE');
        assert.equal(done.abandoned, 0);
      });
    });
  });
}

loopOver('in process', async () => inProcessHarness());
loopOver('RabbitMQ', async (context) => {
  const url = await rabbitUrl();
  requireOrSkip(context, url, 'no RabbitMQ answers');
  return rabbitHarness(url, topologyPrefix('reconcile-loop'));
});
