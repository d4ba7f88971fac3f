import { randomBytes } from 'node:crypto';
import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { KubernetesError } from '@cetus/kubernetes/errors';
import { readWatch } from '@cetus/kubernetes/watch-events';
import { CetusError } from '@cetus/shared/errors';
import { readSigningRequest } from '@cetus/shared/pki';
import { Type, type Static } from 'typebox';
import { Check } from 'typebox/value';

const PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const SIGNER = 'kubernetes.io/kube-apiserver-client';
/** The group that passes every authorisation; Kubernetes refuses to certify it. */
const MASTERS = 'system:masters';
/** For the removal of the request, which happens also when whoever asked has gone. */
const REMOVAL_MS = 5_000;

// What is used of a CertificateSigningRequest. Source: Kubernetes, certificates.k8s.io/v1. It comes from a server that anybody may have named.
const Text = Type.Optional(Type.String());
const SigningSchema = Type.Object({
  metadata: Type.Object({ name: Type.String(), resourceVersion: Text }),
  spec: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  status: Type.Optional(
    Type.Object({
      /** PEM in base64. */
      certificate: Text,
      conditions: Type.Optional(
        Type.Array(Type.Object({ type: Type.String(), reason: Text, message: Text })),
      ),
    }),
  ),
});
type SigningObject = Static<typeof SigningSchema>;

/**
 * Lets a cluster sign a client's certificate: the request is made, approved, watched until the cluster's controller manager has signed it,
 * and removed.
 * @param request PKCS#10, PEM, checked
 * @param timeoutMs how long the signature is waited for
 * @returns PEM
 * @throws CetusError `certificate_not_signed`, `invalid_field` for what Kubernetes certifies for nobody; what the connection throws
 */
export async function signThroughCluster(
  connection: KubernetesConnection,
  request: string,
  { clusterId, timeoutMs, signal }: { clusterId: string; timeoutMs: number; signal: AbortSignal },
): Promise<string> {
  if (readSigningRequest(request).organizations.includes(MASTERS)) {
    throw new CetusError(
      'invalid_field',
      `csr must not name the group ${MASTERS}: Kubernetes does not certify it`,
      {
        field: 'csr',
      },
    );
  }
  const name = `cetus-${clusterId}-${randomBytes(4).toString('hex')}`;
  const body = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name, labels: { 'app.kubernetes.io/managed-by': 'cetus' } },
    spec: {
      request: Buffer.from(request, 'utf8').toString('base64'),
      signerName: SIGNER,
      usages: ['digital signature', 'key encipherment', 'client auth'],
    },
  };
  const created = await connection.request('POST', PATH, { body, signal });
  try {
    const approved = await approve(connection, understood(created.body), signal);
    return await signatureOf(connection, approved, timeoutMs, signal);
  } finally {
    await remove(connection, name);
  }
}

async function approve(
  connection: KubernetesConnection,
  request: SigningObject,
  signal: AbortSignal,
): Promise<SigningObject> {
  const approval = {
    type: 'Approved',
    status: 'True',
    reason: 'AskedForThroughCetus',
    message: 'Whoever asked for it may use the cluster, by its roles in OpenStack',
  };
  const path = `${PATH}/${request.metadata.name}/approval`;
  const body = { ...request, status: { conditions: [approval] } };
  return understood((await connection.request('PUT', path, { body, signal })).body);
}

/** Waits for the signature: by a watch, and by another one when the server ends it. */
async function signatureOf(
  connection: KubernetesConnection,
  approved: SigningObject,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string> {
  const { name } = approved.metadata;
  const deadline = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, deadline]);
  try {
    const path = `${PATH}/${name}`;
    for (let known = approved; ; known = understood(await connection.get(path, { signal: either }))) {
      const found = signatureIn(known) ?? (await watch(connection, known, either));
      if (found !== null) return found;
    }
  } catch (error) {
    if (!deadline.aborted || signal.aborted) throw error;
    const seconds = String(Math.round(timeoutMs / 1000));
    throw notSigned(
      `its controller manager did not sign within ${seconds} s; it may have no key for ${SIGNER}`,
    );
  }
}

/** Follows a request until it is signed; null when the server ends the watch before. */
async function watch(
  connection: KubernetesConnection,
  { metadata: { name, resourceVersion } }: SigningObject,
  signal: AbortSignal,
): Promise<string | null> {
  const query = { watch: true, fieldSelector: `metadata.name=${name}`, resourceVersion };
  const { body } = await connection.stream(PATH, { query, signal });
  try {
    for await (const { type, object } of readWatch(body, PATH)) {
      if (type === 'DELETED') throw notSigned('somebody deleted the request');
      const found = signatureIn(understood(object));
      if (found !== null) return found;
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw notUnderstood();
    // The server ends it with an error when it no longer knows where the watch began, say.
    if (!(error instanceof KubernetesError)) throw error;
  }
  return null;
}

/** @throws CetusError when the request failed. */
function signatureIn({ status }: SigningObject): string | null {
  const against = status?.conditions?.find(({ type }) => type === 'Failed' || type === 'Denied');
  if (against !== undefined) {
    throw notSigned([against.type, against.reason, against.message].filter((part) => part).join(': '));
  }
  const { certificate = '' } = status ?? {};
  return certificate === '' ? null : Buffer.from(certificate, 'base64').toString('utf8');
}

/** @throws CetusError `certificate_not_signed` */
function understood(answer: unknown): SigningObject {
  if (Check(SigningSchema, answer)) return answer;
  throw notUnderstood();
}

function notUnderstood(): CetusError {
  return notSigned('what it answers is not what a Kubernetes API does');
}

function notSigned(why: string): CetusError {
  return new CetusError('certificate_not_signed', `The cluster did not sign the certificate: ${why}`);
}

/** What it cannot remove goes by itself: Kubernetes forgets approved requests after an hour. */
async function remove(connection: KubernetesConnection, name: string): Promise<void> {
  await connection.request('DELETE', `${PATH}/${name}`, { timeoutMs: REMOVAL_MS }).catch(() => undefined);
}
