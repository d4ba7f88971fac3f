import assert from 'node:assert/strict';
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { CloudEvent as CloudEventClass } from 'cloudevents';
import { buildEvent, routingKeyOf, transitionTime } from '@cetus/shared/notifications';
import { CloudEventSchema } from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import { cluster } from '../store/builders.ts';

describe('A notification', () => {
  const object = cluster();
  const operation = {
    ...(object.operation as NonNullable<typeof object.operation>),
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const condition = {
    type: 'Ready',
    status: 'True' as const,
    reason: 'Up',
    message: 'm',
    since: new Date(0).toISOString(),
  };
  const events = [
    object.pending_events[0]?.event,
    buildEvent(
      CLUSTER,
      object,
      2,
      {
        what: 'create.error',
        state: 'CREATE_FAILED',
        previousState: 'CREATE_IN_PROGRESS',
        operation,
        error: { code: 'c', message: 'm' },
      },
      new Date(),
    ).event,
    buildEvent(
      CLUSTER,
      object,
      3,
      {
        what: 'condition.changed',
        state: 'CREATE_FAILED',
        previousState: 'CREATE_FAILED',
        operation: null,
        condition,
      },
      new Date(),
    ).event,
  ];

  it('is what its schema says', () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile(CloudEventSchema);
    for (const event of events) assert.ok(validate(event), JSON.stringify(validate.errors));
  });

  it('is a CloudEvent, as the CloudEvents SDK reads it', () => {
    for (const event of events) {
      assert.ok(event !== undefined);
      const { data, ...attributes } = event;
      const read = new CloudEventClass({ ...attributes, data }, true);
      assert.ok(read.validate());
      assert.equal(read.id, `${object._id}/${event.sequence}`);
    }
  });

  it('holds nothing of the specification or of what is remembered', () => {
    for (const event of events)
      assert.doesNotMatch(JSON.stringify(event), /spec"|driver_state|kubeconfig|secrets/);
  });

  it('goes under its type without the first word', () => {
    assert.equal(routingKeyOf({ type: 'cetus.cluster.create.end' }), 'cluster.create.end');
    assert.equal(routingKeyOf({ type: 'cetus.cetus.create.end' }), 'cetus.create.end');
  });

  it('is later than the one before, also by a clock that is behind', () => {
    const updated_at = new Date(1_000);
    assert.deepEqual(
      [500, 1_000, 1_001, 9_000].map((now) => transitionTime({ updated_at }, new Date(now)).getTime()),
      [1_001, 1_001, 1_001, 9_000],
    );
  });
});
