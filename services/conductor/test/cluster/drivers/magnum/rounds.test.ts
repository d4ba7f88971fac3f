import assert from 'node:assert/strict';
import { OpenStackError, OpenStackUnreachableError } from '@cetus/openstack/errors';
import type { DriverResult } from '../../../../src/cluster/cluster-driver.ts';
import { ApplyRound } from '../../../../src/cluster/drivers/magnum/apply-round.ts';
import { CreateRound } from '../../../../src/cluster/drivers/magnum/create-round.ts';
import { findGroups } from '../../../../src/cluster/drivers/magnum/find-cluster.ts';
import { makeCredentials } from '../../../../src/cluster/drivers/magnum/credentials.ts';
import { memoryOf, stateOfMemory, type Memory } from '../../../../src/cluster/drivers/magnum/memory.ts';
import { RemoveRound } from '../../../../src/cluster/drivers/magnum/remove-round.ts';
import type { Announcement, RoundContext } from '../../../../src/cluster/drivers/magnum/round.ts';
import { PollBudget } from '../../../../src/cluster/drivers/openstack/poll-budget.ts';
import { storedCluster } from '../../stored-cluster.ts';
import { nodeGroup } from '../openstack/new-cluster.ts';

const INFO = { service: 'container-infra', method: 'POST', path: '/v1/clusters' };
const ago = (seconds: number): number => Date.now() - seconds * 1_000;

/** A Magnum that has no cluster, and rounds of one that it was asked for. */
class EmptyMagnum {
  readonly sent: object[] = [];
  readonly announced = new Map<string, Announcement>();
  /** What it answers to a create. */
  answer: () => Promise<{ uuid: string }> = () => Promise.resolve({ uuid: 'u1' });
  hasTemplate = true;
  /** When its conductor last reported; null: it does not tell. */
  reportedAt: number | null = null;
  readonly cluster = storedCluster({ creating: true, spec: { keypair: null } });
  private readonly operation = this.cluster.operation!;

  context(memory: Memory): RoundContext {
    const status = { ...this.cluster.status, driver_state: stateOfMemory(memory) };
    const magnum = {
      getCluster: () => Promise.resolve(null),
      getTemplate: () => Promise.resolve(this.hasTemplate ? { uuid: 't1', name: 'of others' } : null),
      createTemplate: () => Promise.resolve({ uuid: 't2' }),
      createCluster: (body: object) => {
        this.sent.push(body);
        return this.answer();
      },
    };
    const listServices = () =>
      this.reportedAt === null
        ? Promise.reject(new OpenStackError(INFO, { status: 403, message: 'no', body: undefined }))
        : Promise.resolve([
            { binary: 'magnum-conductor', updated_at: new Date(this.reportedAt).toISOString() },
          ]);
    return {
      signal: new AbortController().signal,
      deadlineExceeded: false,
      polls: new PollBudget(100, 20),
      ...{ announced: this.announced, operation: this.operation, magnum, administration: { listServices } },
      cluster: { ...this.cluster, status },
    } as unknown as RoundContext;
  }

  /** What is remembered of a create that was announced then. */
  announcement(at: number, more: Partial<Memory> = {}): Memory {
    const create = { operation: this.operation.uuid, at };
    return { ...memoryOf(this.cluster, this.operation), create, ...more };
  }

  /** This process has announced a create and not sent it. */
  holds(at: number): void {
    this.announced.set(this.cluster._id, { at, template: 't1', keypair: null });
  }

  remove(memory: Memory): Promise<DriverResult> {
    return new RemoveRound(this.context(memory)).run();
  }

  /** A round of the create. @returns what is remembered after it */
  async create(memory: Memory): Promise<Memory> {
    const { phase, facts } = await new CreateRound(this.context(memory)).run(memory);
    assert.equal(phase, 'working');
    return { ...memory, ...(facts.driver_state as Partial<Memory>) };
  }
}

describe('A delete of a cluster that Magnum does not have', () => {
  let empty: EmptyMagnum;
  const phase = async (memory: Memory): Promise<string> => (await empty.remove(memory)).phase;
  beforeEach(() => {
    empty = new EmptyMagnum();
  });

  it('ends at once when nothing was announced, or this process has not sent what it announced', async () => {
    assert.equal(await phase(empty.announcement(0, { create: null })), 'done');
    const at = ago(1);
    empty.holds(at);
    assert.equal(await phase(empty.announcement(at)), 'done');
    assert.equal(empty.announced.size, 0, 'and it is not sent any more');
  });

  it('waits when another process may have sent it', async () => {
    assert.equal(await phase(empty.announcement(ago(1))), 'working');
    empty.holds(ago(60));
    assert.equal(await phase(empty.announcement(ago(1))), 'working');
  });

  it('ends when a conductor of Magnum has run since, and waits as long as none has', async () => {
    empty.reportedAt = ago(40);
    assert.equal(await phase(empty.announcement(ago(200))), 'done');
    assert.equal(await phase(empty.announcement(ago(200), { uuid: 'u1' })), 'done');
    assert.equal(await phase(empty.announcement(ago(60), { uuid: 'u1' })), 'done');
    empty.reportedAt = ago(250);
    assert.equal(await phase(empty.announcement(ago(200), { uuid: 'u1' })), 'working');
    assert.equal(await phase(empty.announcement(ago(200))), 'working');
  });

  it('ends with the time of the request, or of the queue, where Magnum does not say whether one runs', async () => {
    assert.equal(await phase(empty.announcement(ago(110))), 'working');
    assert.equal(await phase(empty.announcement(ago(130))), 'done');
    assert.equal(await phase(empty.announcement(ago(590), { uuid: 'u1' })), 'working');
    assert.equal(await phase(empty.announcement(ago(610), { uuid: 'u1' })), 'done');
  });
});

describe('A create that was announced', () => {
  let empty: EmptyMagnum;
  let memory: Memory;
  const announceAt = (at: number): void => {
    empty.holds(at);
    memory = empty.announcement(at);
  };
  beforeEach(() => {
    empty = new EmptyMagnum();
    announceAt(ago(1));
  });

  it('is sent once, and remembered with the time of its answer', async () => {
    const after = await empty.create(memory);
    assert.equal(empty.sent.length, 1);
    assert.equal(after.uuid, 'u1');
    assert.ok(after.create!.at > memory.create!.at);
    assert.equal(empty.announced.size, 0);
  });

  it('is announced again instead when it is old: whoever deletes the cluster counts on it', async () => {
    announceAt(ago(10));
    const after = await empty.create(memory);
    assert.deepEqual(empty.sent, []);
    assert.ok(after.create!.at > ago(5));
    assert.equal(after.ambiguous, false, 'nothing was sent');
    assert.deepEqual(after.templates, ['t1'], 'and its template is known before it is used');
    await empty.create(after);
    assert.equal(empty.sent.length, 1);
  });

  it('is sent again when it certainly did not leave, and waited for when it may have', async () => {
    const failing = (maybeSent: boolean) => () =>
      Promise.reject(
        new OpenStackUnreachableError(INFO, 'no answer', { code: 'X', maybeSent, cause: undefined }),
      );
    empty.answer = failing(false);
    await assert.rejects(empty.create(memory), { code: 'back_end_unavailable' });
    empty.answer = failing(true);
    await assert.rejects(empty.create(memory), { code: 'back_end_unavailable' });
    assert.equal(empty.sent.length, 2);
    await empty.create(memory);
    assert.equal(empty.sent.length, 2);
  });

  it('is announced anew after some time without an answer, and there may be several then', async () => {
    memory = empty.announcement(ago(31));
    empty.announced.clear();
    const after = await empty.create(memory);
    assert.deepEqual([after.ambiguous, empty.sent.length], [true, 0]);
    assert.ok(after.create!.at > ago(5));
  });

  it('is announced anew when its template went away', async () => {
    empty.answer = () => {
      empty.hasTemplate = false;
      return Promise.reject(
        new OpenStackError(INFO, { status: 404, code: 'client', message: 'gone', body: undefined }),
      );
    };
    const after = await empty.create(memory);
    assert.equal(after.create, null);
    assert.deepEqual((await empty.create(after)).templates, ['t2']);
  });
});

describe('A cluster over which Magnum notes that it rests while Heat works', () => {
  const worker = nodeGroup('default-worker', { is_default: true, node_count: 2 });
  const made = {
    status: 'CREATE_COMPLETE',
    stack_id: 'stack',
    labels: {},
    updated_at: '2026-01-01T00:00:00Z',
  };
  let sent: object[];
  let stackStatus: string;

  /** A round of a resize. @param count the number of workers that Magnum shows */
  async function round(count: number, told: Memory['told'] = {}): Promise<DriverResult> {
    const cluster = storedCluster({ creating: true, spec: { node_groups: [worker] } });
    const operation = { ...cluster.operation!, action: 'update' as const };
    const memory = { ...memoryOf(cluster, operation), uuid: 'u1', seen: true, told };
    const group = { ...made, uuid: 'g1', name: worker.name, role: 'worker', is_default: true };
    const magnum = {
      getCluster: () => Promise.resolve({ ...made, uuid: 'u1', master_count: 0, api_address: null }),
      async *listNodeGroups() {
        yield await Promise.resolve([{ uuid: 'g1' }]);
      },
      getNodeGroup: () => Promise.resolve({ ...group, node_count: count }),
      resizeCluster: (_: string, body: object) => {
        sent.push(body);
        return Promise.resolve();
      },
    };
    const heat = { getStack: () => Promise.resolve({ stack_status: stackStatus }) };
    const context = {
      signal: new AbortController().signal,
      deadlineExceeded: false,
      polls: new PollBudget(100, 20),
      cluster: { ...cluster, status: { ...cluster.status, driver_state: stateOfMemory(memory) } },
      ...{ operation, magnum, heat },
    } as unknown as RoundContext;
    return new ApplyRound(context, new CreateRound(context), {} as never).run();
  }

  beforeEach(() => {
    sent = [];
    stackStatus = 'UPDATE_IN_PROGRESS';
  });

  it('is told nothing, as Heat would cancel what it does; it is when Heat has ended', async () => {
    assert.equal((await round(1)).phase, 'working');
    assert.deepEqual(sent, []);
    stackStatus = 'UPDATE_COMPLETE';
    assert.equal((await round(1)).phase, 'working');
    assert.deepEqual(sent, [{ node_count: 2, nodegroup: 'g1', nodes_to_remove: [] }]);
  });

  it('is not complete before Heat is, unless it was seen at work', async () => {
    const told = { at: ago(5), mark: null };
    assert.equal((await round(2, { 'group default-worker': told })).phase, 'working');
    assert.equal((await round(2, { 'group default-worker': { ...told, begun: true } })).phase, 'done');
    stackStatus = 'UPDATE_COMPLETE';
    assert.equal((await round(2, { 'group default-worker': told })).phase, 'done');
    assert.deepEqual(sent, []);
  });
});

describe('What a round reads of a cluster', () => {
  const { signal } = new AbortController();
  const no = new Error('no');

  const groupsOf = (names: string[]) => ({ node_groups: names.map((name) => nodeGroup(name)) });
  type Groups = Parameters<typeof findGroups>[0];

  it('it asks for side by side: its groups, and which ones there are', async () => {
    const asked: string[] = [];
    const refuse = (what: string) => {
      asked.push(what);
      return Promise.reject(no);
    };
    const magnum = {
      async *listNodeGroups() {
        yield await refuse('all');
      },
      getNodeGroup: (_: string, group: string) => refuse(group),
    };
    const asking = findGroups(magnum as unknown as Groups, 'u1', groupsOf(['a', 'b']), signal);
    await assert.rejects(asking, no);
    assert.deepEqual(asked.sort(), ['a', 'all', 'b']);
  });

  it('groups that nobody asked for are read too, and those that are not there are left out', async () => {
    const asked: string[] = [];
    const magnum = {
      async *listNodeGroups() {
        yield await Promise.resolve([{ uuid: 'u-a' }, { uuid: 'u-foreign' }, { uuid: 'u-going' }]);
      },
      getNodeGroup: (_: string, group: string) => {
        asked.push(group);
        const uuid = { a: 'u-a', 'u-foreign': 'u-foreign' }[group];
        return Promise.resolve(uuid === undefined ? null : { uuid });
      },
    };
    const found = await findGroups(magnum as unknown as Groups, 'u1', groupsOf(['a', 'b']), signal);
    assert.deepEqual(
      found.map(({ uuid }) => uuid),
      ['u-a', 'u-foreign'],
    );
    assert.deepEqual(asked, ['a', 'b', 'u-foreign', 'u-going']);
  });

  it('and its authority and the signature', async () => {
    const asked: string[] = [];
    const refuse = (what: string) => () => {
      asked.push(what);
      return Promise.reject(no);
    };
    const magnum = { getCaCertificate: refuse('authority'), signCertificate: refuse('signature') };
    const [client, box] = [magnum, {}] as unknown as Parameters<typeof makeCredentials>;
    const at = { uuid: 'u1', server: 'https://192.0.2.1:6443' };
    await assert.rejects(makeCredentials(client, box, storedCluster(), at, signal), no);
    assert.deepEqual(asked, ['authority', 'signature']);
  });
});
