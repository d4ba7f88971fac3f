import assert from 'node:assert/strict';
import { planUpgrade, type UpgradeState } from '../../../../src/cluster/drivers/heat/upgrade/plan.ts';
import type { UpgradeGroup, UpgradeNode } from '../../../../src/cluster/drivers/heat/upgrade/upgrade-node.ts';

const OLD = 'v1.33.2';
const NEW = 'v1.34.1';
const NOW = 1_000_000;
const LIMITS = { drainMs: 100, beginMs: 50, upgradeMs: 1_000 };

const node = (name: string, more: Partial<UpgradeNode> = {}): UpgradeNode => ({
  name,
  index: Number(name.slice(1)),
  version: OLD,
  ready: true,
  unschedulable: false,
  resourceVersion: '1',
  asked: undefined,
  operation: undefined,
  since: 0,
  cordoned: false,
  state: undefined,
  message: '',
  ...more,
});
const upgraded = { version: NEW };
const cordoned = { operation: 'op', since: NOW, cordoned: true, unschedulable: true };
const asked = { ...cordoned, asked: NEW };

const group = (name: string, nodes: UpgradeNode[], more: Partial<UpgradeGroup> = {}): UpgradeGroup => ({
  uuid: name,
  name,
  isMaster: name === 'masters',
  wanted: NEW,
  nodes,
  ...more,
});

/** The plan in words: steps with their nodes, or why there are none. */
function plan(groups: UpgradeGroup[], more: Partial<UpgradeState> = {}): string {
  const state = { operation: 'op', groups, batch: 2, controlPlane: OLD, now: NOW, ...more };
  const next = planUpgrade(state, LIMITS);
  switch (next.kind) {
    case 'done':
      return 'done';
    case 'refuse':
      return `refuse: ${next.failure.message}`;
    case 'failed':
      return `failed: ${next.failure.message} [${Object.keys(next.failedGroups).join()}]`;
    case 'work': {
      const steps = next.steps.map(
        (step) => `${step.kind}${step.kind === 'drain' && step.overdue ? ' overdue' : ''} ${step.node.name}`,
      );
      return steps.length === 0 ? 'wait' : steps.join(', ');
    }
  }
}

describe('the plan of an upgrade', () => {
  const workers = (...nodes: UpgradeNode[]): UpgradeGroup[] => [
    group('masters', [node('m0', upgraded)]),
    group('workers', nodes),
  ];

  it('takes masters one at a time, the first one first, then groups one after the other', () => {
    const all = [
      group('masters', [node('m0'), node('m1'), node('m2')]),
      group('workers', [node('w0'), node('w1'), node('w2')]),
      group('pool', [node('p0')]),
    ];
    assert.equal(plan(all), 'cordon m0');
    all[0]!.nodes[0] = node('m0', { ...upgraded, ...asked });
    assert.equal(plan(all), 'release m0');
    all[0]!.nodes[0] = node('m0', upgraded);
    assert.equal(plan(all), 'cordon m1');
    all[0]!.nodes = all[0]!.nodes.map(({ name }) => node(name, upgraded));
    assert.equal(plan(all), 'cordon w0, cordon w1');
    all[1]!.nodes = all[1]!.nodes.map(({ name }) => node(name, upgraded));
    assert.equal(plan(all), 'cordon p0');
    all[2]!.nodes = [node('p0', upgraded)];
    assert.equal(plan(all), 'done');
  });

  it('begins no master while another one is not ready, and goes on with one that was begun', () => {
    const masters = [node('m0', upgraded), node('m1', { ...upgraded, ready: false }), node('m2')];
    assert.equal(plan([group('masters', masters)]), 'wait');
    masters[2] = node('m2', cordoned);
    assert.equal(plan([group('masters', masters)]), 'drain m2');
    // The one that is not ready is the one to be mended.
    masters[1] = node('m1', upgraded);
    masters[2] = node('m2', { ready: false });
    assert.equal(plan([group('masters', masters)]), 'cordon m2');
  });

  it('drains, asks, waits and releases, with never more than a batch on the way', () => {
    assert.equal(plan(workers(node('w0', cordoned), node('w1', asked), node('w2'))), 'drain w0');
    assert.equal(plan(workers(node('w0', asked), node('w1', asked), node('w2'))), 'wait');
    const notReady = { ...upgraded, ...asked, ready: false };
    assert.equal(plan(workers(node('w0', notReady), node('w1', asked), node('w2'))), 'wait');
    const ready = { ...upgraded, ...asked };
    assert.equal(plan(workers(node('w0', ready), node('w1', asked), node('w2'))), 'release w0');
    assert.equal(plan(workers(node('w0', upgraded), node('w1', asked), node('w2'))), 'cordon w2');
  });

  it('begins first with what an earlier operation has left, which counts', () => {
    const left = { ...asked, operation: 'before', state: 'failed' };
    assert.equal(plan(workers(node('w0'), node('w1', left), node('w2', left))), 'cordon w1, cordon w2');
    assert.equal(plan(workers(node('w0'), node('w1'), node('w2', left)), { batch: 1 }), 'cordon w2');
  });

  it('begins nothing more when a node fails, and fails when the others have ended', () => {
    const failed = { ...asked, state: 'failed', message: 'no room' };
    const running = { ...asked, state: 'running' };
    assert.equal(plan(workers(node('w0', failed), node('w1', running), node('w2'))), 'wait');
    assert.equal(plan(workers(node('w0', failed), node('w1', cordoned), node('w2'))), 'drain w1');
    assert.match(
      plan([
        ...workers(node('w0', failed), node('w1', upgraded), node('w2')),
        group('pool', [node('p0')]),
        group('others', [node('o0')], { wanted: null }),
      ]),
      /^failed: .*workers.*w0 \(no room\).*\[workers,pool\]$/,
    );
  });

  it('bounds each part of the way', () => {
    const late = (more: Partial<UpgradeNode>, ms: number): UpgradeGroup[] =>
      workers(node('w0', { ...more, since: NOW - ms }), node('w1'));
    assert.equal(plan(late(cordoned, 101)), 'drain overdue w0');
    assert.match(plan(late(asked, 51)), /^failed: .*does not do what is asked/);
    assert.equal(plan(late({ ...asked, state: 'running' }, 51)), 'cordon w1');
    assert.match(plan(late({ ...asked, state: 'running' }, 1_001)), /^failed: .*has not ended/);
    assert.match(plan(late({ ...asked, ...upgraded, ready: false }, 1_001)), /^failed: .*is not ready/);
  });

  it('withdraws what is no longer asked for, unless it is being done', () => {
    const back = (more: Partial<UpgradeNode>): UpgradeGroup[] => [
      group('workers', [node('w0', { ...asked, operation: 'before', ...more })], { wanted: OLD }),
    ];
    assert.equal(plan(back({})), 'release w0');
    assert.equal(plan(back({ state: 'running' })), 'wait');
    assert.equal(plan(back({ state: 'failed' })), 'release w0');
    assert.match(plan(back({ version: NEW })), /^refuse: .*cannot go back from v1\.34\.1/);
  });

  it('refuses what Kubernetes cannot: back, two minor versions of masters, workers newer than masters', () => {
    const masters = (wanted: string): UpgradeGroup[] => [group('masters', [node('m0')], { wanted })];
    assert.match(plan(masters('v1.33.1')), /^refuse: .*cannot go back/);
    assert.match(plan(masters('v1.35.0')), /^refuse: .*one minor version/);
    assert.match(plan(masters(OLD), { controlPlane: NEW }), /^refuse: .*the control plane/);
    const newer = [group('masters', [node('m0')], { wanted: OLD }), group('workers', [node('w0')])];
    assert.match(plan(newer), /^refuse: .*newer than the masters/);
    // Kubelets may be more than one behind.
    assert.equal(plan(workers(node('w0', { version: 'v1.31.0' })), { controlPlane: NEW }), 'cordon w0');
  });
});
