import assert from 'node:assert/strict';
import type { Ingress, Service } from '@cetus/kubernetes/objects';
import { eventsOf, instancesOf } from '../../../src/application/observe/instances.ts';
import { ingressFacts, serviceFacts, serviceOf } from '../../../src/application/observe/network-facts.ts';
import { assess } from '../../../src/application/observe/observe.ts';
import { afterPod, podFacts } from '../../../src/application/observe/pod-facts.ts';
import { lastLines, sentence } from '../../../src/application/observe/text.ts';
import { workloadFacts } from '../../../src/application/observe/workload-facts.ts';
import { real, THEN } from './real-objects.ts';

describe('What is kept of the objects of an application', () => {
  const labels = { 'cetus.io/application': 'a1' };
  const named = (name: string) => ({
    name,
    namespace: 'n',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: '',
    labels,
  });

  it('is next to nothing of a pod that is well, and nothing of what is nobody’s', () => {
    const [pod] = real('good').pods;
    assert.ok(pod !== undefined);
    const facts = podFacts(pod);
    assert.equal(facts?.trouble, null);
    assert.ok(JSON.stringify(facts).length < 350);
    delete pod.metadata.labels;
    assert.equal(podFacts(pod), undefined);
  });

  it('is what a registry has said, while the kubelet only waits', () => {
    const before = podFacts(real('badimage').pods[0] ?? assert.fail());
    const pod = real('badimage').pods[0] ?? assert.fail();
    const waiting = {
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "registry.invalid/missing:1"',
    };
    Object.assign(pod.status?.containerStatuses?.[0] ?? {}, { state: { waiting } });
    const after = podFacts(pod);
    assert.ok(before !== undefined && after !== undefined);
    assert.match(after.trouble?.message ?? '', /Back-off/);
    assert.equal(afterPod(before, after).trouble?.message, before.trouble?.message);
    assert.equal(afterPod({ ...before, uid: 'another' }, after).trouble?.message, after.trouble?.message);
  });

  it('tells when something becomes a trouble with nothing happening', () => {
    const { workload, pods } = real('probe');
    const [pod] = pods;
    assert.ok(pod !== undefined);
    const startedAt = new Date(THEN - 4_000).toISOString();
    Object.assign(pod.status?.containerStatuses?.[0] ?? {}, { state: { running: { startedAt } } });
    const facts = podFacts(pod);
    const of = workloadFacts('Deployment', workload);
    assert.ok(facts !== undefined && of !== undefined);
    const input = { workload: of, pods: [facts], runs: [], services: [], ingresses: [] };
    const asked = { kind: 'stateless', stopped: false, paused: false } as const;
    const { lookAgainAt, observation } = assess({ ...input, asked, now: THEN });
    assert.equal(observation.cause?.reason, 'ProgressDeadlineExceeded');
    // Every two seconds, three times, with a second for the answer and two for the kubelet.
    assert.equal(lookAgainAt, THEN - 4_000 + 9_000);
    const then = assess({ ...input, asked, now: lookAgainAt });
    assert.deepEqual([then.observation.cause?.reason, then.lookAgainAt], ['ProbeFailing', null]);
  });

  it('is where it can be reached', () => {
    const service = {
      metadata: named('web'),
      spec: { clusterIP: '10.96.1.2', ports: [{ port: 80, nodePort: 30080 }, { port: 443 }] },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }, { hostname: 'lb.example' }] } },
    } as Service;
    const headless = {
      metadata: named('a-headless'),
      spec: { clusterIP: 'None', ports: [{ port: 80 }] },
    } as Service;
    const ingress = {
      metadata: named('web'),
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } },
    } as Ingress;
    const services = [headless, service].map((one) => serviceFacts(one) ?? assert.fail());
    assert.deepEqual(serviceOf(services, [ingressFacts(ingress) ?? assert.fail()]), {
      cluster_ip: '10.96.1.2',
      node_ports: { '80': 30080 },
      load_balancer: ['192.0.2.7', 'lb.example'],
      ingress: ['192.0.2.9'],
    });
    assert.equal(serviceOf(services.slice(0, 1), [])?.cluster_ip, null);
    assert.equal(serviceOf([], []), null);
  });

  it('is no more than a person reads, and nothing that a terminal acts on', () => {
    assert.equal(sentence('a\u001b[31mred\u001b[0m\n\tb\u0000\ud800'), 'ared b\ufffd\ufffd');
    assert.ok(sentence('x'.repeat(10_000)).length <= 501);
    assert.equal(lastLines(''), undefined);
    assert.equal(lastLines('a\r\nb\r\n\n'), 'a\nb');
    const many = Array.from({ length: 100 }, (_, index) => `line ${String(index)}`).join('\n');
    assert.equal(lastLines(many)?.split('\n').length, 20);
    assert.equal(lastLines(many)?.split('\n').at(-1), 'line 99');
    const long = lastLines('ä'.repeat(10_000)) ?? '';
    assert.ok(Buffer.byteLength(long) <= 4_096);
    assert.match(long, /^ä+$/, 'no half of a character');
  });
});

describe('The instances of an application', () => {
  it('are its pods, with what is wrong with each', () => {
    const [one] = instancesOf(real('crash').pods, 'c1', THEN);
    assert.ok(one !== undefined);
    assert.deepEqual(
      [one.cluster_id, one.namespace, one.phase, one.ready, one.node, one.restarts, one.qos_class],
      ['c1', 't', 'Running', false, 'node-1', 4, 'BestEffort'],
    );
    assert.match(one.revision ?? '', /^5fdb49569c$/);
    assert.equal(one.cause?.reason, 'CrashLoopBackOff');
    const [web] = one.containers;
    assert.deepEqual(
      [web?.name, web?.image, web?.init, web?.state, web?.reason, web?.exit_code, web?.restarts],
      ['web', 'registry.local/web:1', false, 'waiting', 'CrashLoopBackOff', 3, 4],
    );
    const [init] = instancesOf(real('initfail').pods, 'c1', THEN);
    assert.deepEqual(
      init?.containers.map(({ name, init: isInit }) => [name, isInit]),
      [
        ['prep', true],
        ['web', false],
      ],
    );
    const [good] = instancesOf(real('good').pods, 'c1', THEN);
    assert.deepEqual([good?.ready, good?.cause], [true, null]);
  });

  it('are ending when they are deleted, and have their containers before anything is said of them', () => {
    const [pod] = real('good').pods;
    assert.ok(pod !== undefined);
    const deleted = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-11-21T20:43:24Z' } };
    assert.equal(instancesOf([deleted], 'c1')[0]?.phase, 'Terminating');
    const [fresh] = instancesOf([{ ...pod, status: { phase: 'Pending' } }], 'c1');
    assert.deepEqual(
      fresh?.containers.map(({ state, ready }) => [state, ready]),
      [['waiting', false]],
    );
  });

  it('have events, those of newer clients too, the latest first', () => {
    const events = [...(real('unsched').events ?? []), ...(real('probe').events ?? [])];
    const [latest, before] = eventsOf(events, 'c1');
    assert.deepEqual(
      [latest?.reason, latest?.object.kind, latest?.source, latest?.count],
      ['Unhealthy', 'Pod', 'kubelet', 18],
    );
    assert.deepEqual(
      [before?.reason, before?.source, before?.count, before?.last_seen],
      ['FailedScheduling', 'default-scheduler', 1, '2026-11-21T20:40:22Z'],
    );
  });
});
