import assert from 'node:assert/strict';
import {
  describeStackFailure,
  type FailedStack,
  type StackResourceState,
} from '../../../../src/cluster/drivers/openstack/stack-failure.ts';

function failedStack(overrides: Partial<FailedStack> = {}): FailedStack {
  return {
    stack_name: 'cetus-a',
    stack_status: 'CREATE_FAILED',
    stack_status_reason: 'Resource CREATE failed',
    ...overrides,
  };
}

function failedResource(
  type: string,
  reason: string,
  overrides: Partial<StackResourceState> = {},
): StackResourceState {
  return {
    resource_name: 'x',
    resource_type: type,
    resource_status: 'CREATE_FAILED',
    resource_status_reason: reason,
    physical_resource_id: 'an-id',
    updated_time: '2026-11-21T10:00:00Z',
    ...overrides,
  };
}

const ASKED = { flavors: ['m1.small'], images: ['ubuntu'], networks: ['public'] };

describe('the reason of a failed stack', () => {
  const rows: [reason: string, type: string, exception: string, code: string][] = [
    [
      'a server Nova could not place or start',
      'OS::Nova::Server',
      'ResourceInError: resources.x: Went to status ERROR due to "Message: No valid host was found. , Code: 500"',
      'server_error',
    ],
    [
      'no host, where the class says so',
      'OS::Nova::Server',
      'NoValidHost: resources.x: none',
      'no_valid_host',
    ],
    [
      'Nova quota',
      'OS::Nova::Server',
      'Forbidden: resources.x: Quota exceeded for cores (HTTP 403)',
      'quota_exceeded',
    ],
    ['a right that is missing', 'OS::Neutron::Net', 'Forbidden: resources.x: no', 'forbidden'],
    [
      'Neutron quota',
      'OS::Neutron::Port',
      "OverQuotaClient: resources.x: Quota exceeded for resources: ['port'].",
      'quota_exceeded',
    ],
    [
      'Cinder quota',
      'OS::Cinder::Volume',
      'OverLimit: resources.x: VolumeSizeExceedsAvailableQuota',
      'quota_exceeded',
    ],
    [
      'no address left',
      'OS::Neutron::FloatingIP',
      'ExternalIpAddressExhaustedClient: resources.x: none',
      'addresses_exhausted',
    ],
    [
      'a flavor that is gone',
      'OS::Nova::Server',
      'EntityNotFound: resources.x: The Flavor (m1.small) could not be found.',
      'flavor_not_found',
    ],
    [
      'an image that is gone',
      'OS::Nova::Server',
      'EntityNotFound: resources.x: The Image (ubuntu) could not be found.',
      'image_not_found',
    ],
    [
      'a network that is gone',
      'OS::Neutron::FloatingIP',
      'NotFound: resources.x: Unable to find network with name or id (public)',
      'network_not_found',
    ],
    [
      'masters that said it failed',
      'OS::Heat::WaitCondition',
      'WaitConditionFailure: resources.x: node-0: kubeadm init failed: E',
      'bootstrap_failed',
    ],
    [
      'masters that never answered',
      'OS::Heat::WaitCondition',
      'WaitConditionTimeout: resources.x: 0 of 3 received',
      'bootstrap_failed',
    ],
    [
      'a load balancer in error',
      'OS::Octavia::LoadBalancer',
      'ResourceInError: resources.x: Went to status ERROR due to "Unknown"',
      'load_balancer_error',
    ],
    ['anything else', 'OS::Nova::Server', 'KeyError: resources.x: oops', 'resource_failed'],
  ];

  for (const [what, type, reason, code] of rows) {
    it(`is ${code} for ${what}, with the whole reason`, () => {
      const failure = describeStackFailure(failedStack(), [failedResource(type, reason)], [], ASKED);
      assert.equal(failure.code, code);
      assert.equal(failure.message, `x (${type}): ${reason}`);
      assert.deepEqual(failure.resource, { type, name: 'x', id: 'an-id' });
    });
  }

  it('is that of the deepest resource, not of the group around it', () => {
    const nested = 'http://heat/v1/p/stacks/cetus-a-workers/1';
    const group = failedResource(
      'OS::Heat::ResourceGroup',
      'ResourceInError: resources.workers.resources[1]: Went',
      {
        resource_name: 'workers',
        links: [{ rel: 'nested', href: nested }],
      },
    );
    const member = failedResource('OS::Nova::Server', 'ResourceInError: resources[1]: Went', {
      resource_name: '1',
      parent_resource: 'workers',
      links: [{ rel: 'stack', href: nested }],
    });
    assert.equal(describeStackFailure(failedStack(), [group, member], []).resource?.name, '1');
    const withoutLinks = [group, member].map(({ links: _links, ...rest }) => rest);
    assert.equal(describeStackFailure(failedStack(), withoutLinks, []).resource?.name, '1');
  });

  it('is that of the cause, not of what was cancelled because of it, and the earliest of several', () => {
    const cancelled = failedResource('OS::Nova::Server', 'CREATE aborted (user triggered cancel)', {
      resource_name: 'a',
      updated_time: '2026-11-21T09:00:00Z',
    });
    const late = failedResource('OS::Nova::Server', 'Forbidden: resources.b: no', {
      resource_name: 'b',
      updated_time: '2026-11-21T10:05:00Z',
    });
    const early = failedResource('OS::Cinder::Volume', 'OverLimit: resources.c: no', { resource_name: 'c' });
    assert.equal(describeStackFailure(failedStack(), [cancelled, late, early], []).resource?.name, 'c');
  });

  it('comes from an event where the resource lost it', () => {
    const resource = failedResource('OS::Nova::Server', '');
    const event = {
      resource_name: 'x',
      resource_status: 'CREATE_FAILED',
      resource_status_reason: 'Forbidden: resources.x: Quota',
      event_time: '2026-11-21T10:00:00Z',
    };
    assert.equal(describeStackFailure(failedStack(), [resource], [event]).code, 'quota_exceeded');
  });

  it('is time when the stack ran out of it, naming what was waited for', () => {
    const waiting = { ...failedResource('OS::Nova::Server', ''), resource_status: 'CREATE_IN_PROGRESS' };
    const said = describeStackFailure(
      failedStack({ stack_status_reason: 'Timed out', timeout_mins: 10 }),
      [waiting],
      [],
    );
    assert.deepEqual(said, {
      code: 'stack_timeout',
      message: 'The stack ran out of time after 10 minutes while waiting for x: Timed out',
    });
    const stack = failedStack({ timeout_mins: 10, creation_time: '2026-11-21T10:00:00Z' });
    const end = (event_time: string) => ({
      resource_name: 'cetus-a',
      resource_status: 'CREATE_FAILED',
      event_time,
    });
    const aborted = failedResource(
      'OS::Nova::Server',
      'CREATE aborted (Task create from Server "x" Timed out)',
    );
    assert.equal(describeStackFailure(stack, [aborted], [end('2026-11-21T10:10:01Z')]).code, 'stack_timeout');
    assert.equal(
      describeStackFailure(stack, [aborted], [end('2026-11-21T10:04:00Z')]).code,
      'resource_failed',
    );
  });

  it('is what the stack says when no resource is known', () => {
    const reason = 'Resource CREATE failed: OverQuotaClient: resources.port: Quota exceeded';
    assert.deepEqual(describeStackFailure(failedStack({ stack_status_reason: reason }), [], []), {
      code: 'quota_exceeded',
      message: reason,
    });
    assert.equal(
      describeStackFailure(failedStack({ stack_status_reason: null }), [], []).message,
      'CREATE_FAILED',
    );
  });
});
