import { CetusError } from '@cetus/shared/errors';
import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { ClusterStatus, Condition, StoredCluster } from '@cetus/shared/schemas';
import type { ClusterDriver, ClusterFacts } from './cluster-driver.ts';

type Certificates = ClusterStatus['certificates'];
type NewCondition = Omit<Condition, 'since'>;

/** How long before its end a certificate is made anew, and people are told: long enough for a holiday. */
const MARGIN_MS = 30 * 86_400_000;

/**
 * `CertificatesValid`: whether the cluster's certificates are valid for another 30 days. Its reason is `ExpiresSoon` until the first
 * one has run out, then `Expired`.
 * @param hindrance why the administrator's certificate could not be made anew; null: it could, or was not to be
 * @returns no condition when nothing is known of the certificates
 */
export function certificateConditions(
  certificates: Certificates,
  now = new Date(),
  hindrance: string | null = null,
): NewCondition[] {
  const first = firstToExpire(certificates);
  if (first === null) return [];
  const condition = (status: 'True' | 'False', reason: string, message: string): NewCondition[] => [
    { type: 'CertificatesValid', status, reason, message },
  ];
  const date = first.at.toISOString().slice(0, 10);
  const why = hindrance === null ? '' : `; it could not be renewed: ${hindrance}`;
  if (within(first.at, now, 0)) {
    return condition('False', 'Expired', `${first.what} expired on ${date}${why}`);
  }
  if (within(first.at, now, MARGIN_MS)) {
    return condition('False', 'ExpiresSoon', `${first.what} expires on ${date}${why}`);
  }
  return condition('True', 'Valid', `${first.what} is the first to expire, on ${date}`);
}

/**
 * Whether the administrator's certificate is to be made anew. It cannot outlive the authority that signs it, so near the authority's
 * end that would change nothing.
 */
export function renewalDue(
  { ca_expires_at: ca, client_expires_at: client }: Certificates,
  now: Date,
): boolean {
  return client !== null && within(client, now, MARGIN_MS) && (ca === null || client < ca);
}

/**
 * Between operations: makes the administrator's certificate anew in time, when the driver can, and says how the certificates are.
 * That it could not be renewed is told by the condition, and tried again when the cluster is looked at next.
 */
export async function keepCertificates(
  driver: ClusterDriver,
  cluster: StoredCluster,
  context: ReconcileContext,
  now = new Date(),
): Promise<{ facts: ClusterFacts; conditions: NewCondition[] }> {
  const { certificates } = cluster.status;
  let facts: ClusterFacts = {};
  let hindrance: string | null = null;
  if (driver.renewCredentials !== undefined && renewalDue(certificates, now)) {
    try {
      facts = await driver.renewCredentials(cluster, context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof CetusError)) throw error;
      hindrance = error.message;
    }
  }
  return { facts, conditions: certificateConditions(facts.certificates ?? certificates, now, hindrance) };
}

function within(date: Date, now: Date, ms: number): boolean {
  return date.getTime() - now.getTime() <= ms;
}

function firstToExpire(certificates: Certificates): { what: string; at: Date } | null {
  const { ca_expires_at: ca, client_expires_at: client } = certificates;
  if (ca !== null && (client === null || ca <= client)) {
    return { what: "The certificate of the cluster's authority", at: ca };
  }
  return client === null ? null : { what: "The administrator's certificate", at: client };
}
