import assert from 'node:assert/strict';
import type { Operation, StoredCluster } from '@cetus/shared/schemas';
import type { Stack } from '@cetus/openstack/heat';
import {
  deletionOf,
  hasFailedSince,
  isStumble,
  newDeletion,
} from '../../../../src/cluster/drivers/heat/deletion.ts';

const stack = (stack_status: string, updated_time: string | null): Stack =>
  ({ stack_status, updated_time }) as Stack;
const operation = (uuid: string): Operation => ({ uuid }) as Operation;
const cluster = (driver_state: object): StoredCluster => ({ status: { driver_state } }) as StoredCluster;

describe('the deletion of a stack', () => {
  it('belongs to the operation that it was told for', () => {
    const told = newDeletion(stack('CREATE_COMPLETE', null), operation('a'));
    assert.deepEqual(deletionOf(cluster({ ...told, other: 1 }), operation('a')), told);
    assert.equal(deletionOf(cluster({ ...told }), operation('b')), null);
    assert.equal(deletionOf(cluster({}), operation('a')), null);
  });

  it('has failed when Heat says so of this one, not of one before it', () => {
    const first = newDeletion(stack('CREATE_COMPLETE', null), operation('a'));
    assert.equal(hasFailedSince(stack('DELETE_IN_PROGRESS', '10:00:00'), first), false);
    assert.equal(hasFailedSince(stack('DELETE_FAILED', '10:00:00'), first), true);
    const second = newDeletion(stack('DELETE_FAILED', '10:00:00'), operation('b'));
    assert.equal(hasFailedSince(stack('DELETE_FAILED', '10:00:00'), second), false);
    assert.equal(hasFailedSince(stack('DELETE_FAILED', '10:00:07'), second), true);
  });

  it('was stumbled over by Heat itself when no resource failed', () => {
    const message = '(pymysql.err.IntegrityError) (1451, …)';
    assert.equal(isStumble({ code: 'resource_failed', message }), true);
    assert.equal(
      isStumble({
        code: 'resource_failed',
        message,
        resource: { type: 'OS::Nova::Server', name: 'master_0' },
      }),
      false,
    );
    assert.equal(isStumble({ code: 'stack_timeout', message }), false);
  });
});
