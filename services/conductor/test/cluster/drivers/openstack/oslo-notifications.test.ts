import assert from 'node:assert/strict';
import type { Backbone } from '@cetus/shared/backbone';
import type { Logger } from '@cetus/shared/service';
import { heatNotifications } from '../../../../src/cluster/drivers/heat/heat-notifications.ts';
import { magnumNotifications } from '../../../../src/cluster/drivers/magnum/magnum-notifications.ts';
import type { OsloNotifications } from '../../../../src/cluster/drivers/openstack/oslo-notifications.ts';

const ID = '0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9';
const NAME = `cetus-${ID}`;

describe('A notification of a service', () => {
  let woken: { id: string; project_id: string; delayMs: number }[];
  const publishCommand = (
    { id, project_id }: { id: string; project_id: string },
    { delayMs }: { delayMs: number },
  ): Promise<void> => {
    woken.push({ id, project_id, delayMs });
    return Promise.resolve();
  };
  const options = {
    url: 'amqp://nowhere',
    backbone: { bus: { publishCommand } } as unknown as Backbone,
    logger: {} as Logger,
  };
  const hear = (heard: OsloNotifications, event_type: string, payload: object): Promise<void> => {
    const message = JSON.stringify({ event_type, payload });
    return heard.heard(Buffer.from(JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message })));
  };
  const delays = (): number[] => woken.map(({ delayMs }) => delayMs);

  beforeEach(() => {
    woken = [];
  });

  it('has its cluster looked at at once when what it tells of is written: of Magnum', async () => {
    const target = { name: NAME, attachments: [{ content: { project_id: 'p1' } }] };
    await hear(magnumNotifications(options), 'magnum.cluster.create', { outcome: 'success', target });
    assert.deepEqual(delays(), [0, 1_000]);
    assert.ok(woken.every(({ id, project_id }) => id === ID && project_id === 'p1'));
  });

  it('has it looked at a little later when that may be written only then: of a cluster that is gone, and of Heat', async () => {
    const target = { name: NAME };
    await hear(magnumNotifications(options), 'magnum.cluster.delete', { outcome: 'success', target });
    assert.deepEqual(delays(), [250, 1_000]);
    woken = [];
    const payload = { stack_name: NAME, tenant_id: 'p1' };
    await hear(heatNotifications(options), 'orchestration.stack.create.end', payload);
    assert.deepEqual(delays(), [250, 1_000]);
  });

  it('about something else wakes nobody', async () => {
    await hear(heatNotifications(options), 'orchestration.stack.create.end', { stack_name: 'other' });
    assert.deepEqual(woken, []);
  });
});
