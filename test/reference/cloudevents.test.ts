import assert from 'node:assert/strict';
import { CloudEvent } from 'cloudevents';
import { CLUSTER } from '@cetus/shared/store';
import { newObject } from '@cetus/shared/operations';

describe('a notification', () => {
  it('is a CloudEvent to the CloudEvents SDK', () => {
    const object = newObject({
      kind: CLUSTER,
      caller: {
        userId: 'u',
        projectId: 'p',
        requestId: 'req-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
      name: 'c',
      spec: {},
      status: {},
      deadlineMs: 60_000,
    });
    const event = object.pending_events[0]?.event;
    assert.ok(event);
    const parsed = new CloudEvent(JSON.parse(JSON.stringify(event)) as Record<string, unknown>);
    assert.equal(parsed.validate(), true);
    assert.equal(parsed.id, `${object._id}/1`);
    assert.equal(parsed['sequence'], '1');
  });
});
