import assert from 'node:assert/strict';
import { failureOfCause } from '../../../src/application/observe/failures.ts';
import { judge } from '../../../src/application/observe/judge.ts';
import { CASES } from './cases.ts';
import { look, real } from './real-objects.ts';

describe('How an application is in a cluster', () => {
  for (const { why, of, change, looked, phase, reason, message, judged, code } of CASES) {
    it(`${of}: ${phase}${reason === undefined ? '' : ` for ${reason}`}: ${why}`, () => {
      const application = real(of);
      change?.(application);
      const observation = look(application, looked);
      assert.deepEqual(
        [observation.phase, observation.cause?.reason],
        [phase, reason],
        JSON.stringify(observation),
      );
      if (message !== undefined) assert.match(observation.cause?.message ?? '', message);
      const judgement = judge(observation, 3);
      assert.equal(judgement.state, judged, judgement.message);
      assert.ok(judgement.message.length > 0);
      const { finding } = looked ?? {};
      if (finding?.log !== undefined) assert.equal(observation.cause?.log, finding.log);
      if (code === undefined) return;
      const failure = failureOfCause(observation.cause, { cluster: 'c1', message: judgement.message });
      assert.equal(failure.code, code);
      assert.match(failure.message, /^In cluster c1: /);
      const { instance } = observation.cause ?? {};
      assert.deepEqual(
        failure.resource,
        instance === undefined ? undefined : { type: 'Pod', name: instance },
      );
    });
  }

  it('is missing without its workload, unless it was stopped by that', () => {
    assert.equal(look({ workload: null, pods: [] }).phase, 'Missing');
    assert.equal(look({ workload: null, pods: [] }, { asked: { stopped: true } }).phase, 'Stopped');
  });

  it('names who it is that fails, of several the one that explains the others', () => {
    const { cause } = look(real('crash'), { finding: { log: 'boom' } });
    assert.deepEqual(
      [
        cause?.instance?.startsWith('crash-'),
        cause?.container,
        cause?.image,
        cause?.exit_code,
        cause?.restarts,
      ],
      [true, 'web', 'registry.local/web:1', 3, 4],
    );
    const several = real('probe');
    several.pods.push(...real('unsched').pods, ...real('crash').pods, ...real('badimage').pods);
    assert.equal(look(several).cause?.reason, 'ImagePullBackOff');
    several.pods.pop();
    assert.equal(look(several).cause?.reason, 'CrashLoopBackOff');
    several.pods.pop();
    assert.equal(look(several).cause?.reason, 'Unschedulable');
  });

  it('is not the cause of what another has asked for', () => {
    const failure = failureOfCause(null, { cluster: 'c1', message: 'It does not come up' });
    assert.deepEqual(failure, { code: 'rollout_stalled', message: 'In cluster c1: It does not come up' });
    const logged = failureOfCause(
      { reason: 'CrashLoopBackOff', message: 'It ended', log: 'one\nlast words\n' },
      { cluster: 'c1', message: '' },
    );
    assert.equal(logged.message, 'In cluster c1: It ended', 'nobody knows what is in a log');
  });

  it('cannot be judged before it was seen', () => {
    assert.equal(judge(null, 1).state, 'progressing');
    assert.equal(judge(look({ workload: null, pods: [] }), 1).state, 'progressing');
  });
});
