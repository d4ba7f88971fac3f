import assert from 'node:assert/strict';
import { CetusError } from '@cetus/shared/errors';
import { certificateConditions, keepCertificates, renewalDue } from '../../src/cluster/certificate-expiry.ts';
import type { ClusterDriver, ClusterFacts } from '../../src/cluster/cluster-driver.ts';
import { ClusterReconciler } from '../../src/cluster/cluster-reconciler.ts';
import { DriverRegistry } from '../../src/cluster/driver-registry.ts';
import { storedCluster } from './stored-cluster.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const DAY_MS = 86_400_000;
const inDays = (days: number, from = NOW): Date => new Date(from.getTime() + days * DAY_MS);
const ends = (ca: number | null, client: number | null) => ({
  ca_expires_at: ca === null ? null : inDays(ca),
  client_expires_at: client === null ? null : inDays(client),
});

function driver(renew?: () => Promise<ClusterFacts>, facts: ClusterFacts = {}): ClusterDriver {
  const unused = (): never => assert.fail('not to be called');
  return {
    description: { name: 'fake', capabilities: [] },
    apply: () => Promise.resolve({ phase: 'done', facts }),
    remove: unused,
    check: unused,
    inspect: () => Promise.resolve({ facts, failure: null, drift: null }),
    ...(renew === undefined ? {} : { renewCredentials: renew }),
  };
}

const context = { signal: new AbortController().signal, deadlineExceeded: false };

describe('the expiry of certificates', () => {
  const cases: [string, ReturnType<typeof ends>, string | null, RegExp?][] = [
    ['nothing is known', ends(null, null), null],
    ['both are good', ends(3650, 365), 'True Valid', /administrator's certificate is the first.*2031-01-01/],
    ['the client ends in 30 days and a bit', ends(3650, 30.01), 'True Valid'],
    ['the client ends in 30 days', ends(3650, 30), 'False ExpiresSoon', /administrator.*on 2030-01-31/],
    ['the client has just ended', ends(3650, 0), 'False Expired', /administrator.*expired on 2030-01-01/],
    ['the authority ends first', ends(3, 20), 'False ExpiresSoon', /authority expires on 2030-01-04/],
    ['both end together', ends(3, 3), 'False ExpiresSoon', /authority/],
    ['only the authority is known', ends(-1, null), 'False Expired', /authority/],
  ];
  for (const [when, certificates, expected, message] of cases) {
    it(`is ${expected ?? 'no condition'} when ${when}`, () => {
      const [condition] = certificateConditions(certificates, NOW);
      assert.equal(condition === undefined ? null : `${condition.status} ${condition.reason}`, expected);
      if (message !== undefined) assert.match(condition?.message ?? '', message);
    });
  }

  it('makes a renewal due in the last 30 days, unless the authority ends no later', () => {
    assert.equal(renewalDue(ends(3650, 31), NOW), false);
    assert.equal(renewalDue(ends(3650, 30), NOW), true);
    assert.equal(renewalDue(ends(null, -5), NOW), true);
    assert.equal(renewalDue(ends(20, 20), NOW), false);
    assert.equal(renewalDue(ends(20, null), NOW), false);
  });

  it('is met by a renewal, told as it is afterwards', async () => {
    const cluster = storedCluster({ status: { certificates: ends(3650, 10) } });
    const certificates = ends(3650, 365);
    const renewing = driver(() => Promise.resolve({ certificates }));
    const { facts, conditions } = await keepCertificates(renewing, cluster, context, NOW);
    assert.deepEqual(facts, { certificates });
    assert.equal(conditions[0]?.reason, 'Valid');
  });

  it('is told, with the reason, when the renewal does not succeed; a mistake of ours is not hidden', async () => {
    const cluster = storedCluster({ status: { certificates: ends(3650, 10) } });
    const refusing = driver(() => Promise.reject(new CetusError('back_end_refused', 'No signer')));
    const { facts, conditions } = await keepCertificates(refusing, cluster, context, NOW);
    assert.deepEqual(facts, {});
    assert.equal(conditions[0]?.reason, 'ExpiresSoon');
    assert.match(conditions[0].message, /could not be renewed: No signer/);
    const mistaken = driver(() => Promise.reject(new TypeError('oops')));
    await assert.rejects(keepCertificates(mistaken, cluster, context, NOW), TypeError);
    const lost = { signal: AbortSignal.abort(new Error('lease lost')), deadlineExceeded: false };
    await assert.rejects(keepCertificates(refusing, cluster, lost, NOW), /lease lost/);
  });

  describe('in a round', () => {
    const now = new Date();
    const soon = { ca_expires_at: inDays(3000, now), client_expires_at: inDays(5, now) };
    const later = { ca_expires_at: inDays(3000, now), client_expires_at: inDays(365, now) };
    const conditionOf = async (of: ClusterDriver, cluster = storedCluster()) => {
      const outcome = await new ClusterReconciler(new DriverRegistry([of])).reconcile(cluster, context);
      return { outcome, found: outcome.conditions?.find(({ type }) => type === 'CertificatesValid') };
    };

    it('is read from what the driver has just found, and the renewed one is written', async () => {
      const renewed = driver(() => Promise.resolve({ certificates: later }), {
        certificates: soon,
        stack_id: 's',
      });
      const { outcome, found } = await conditionOf(renewed);
      assert.equal(found?.status, 'True');
      assert.deepEqual(outcome.status?.certificates, later);
      assert.equal(outcome.status?.stack_id, 's');
    });

    it('is told when the driver cannot renew, and when an operation ends', async () => {
      const { found } = await conditionOf(driver(undefined, { certificates: soon }));
      assert.equal(found?.reason, 'ExpiresSoon');
      const created = await conditionOf(
        driver(undefined, { certificates: later }),
        storedCluster({ creating: true }),
      );
      assert.equal(created.found?.reason, 'Valid');
    });
  });
});
