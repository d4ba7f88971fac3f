import { CetusError } from '@cetus/shared/errors';
import { signRequest } from '@cetus/shared/pki';
import { at, listOf, timestamp, type Fields, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';
import { conditionOf } from './pod-state.ts';

const REQUESTS = 'certificatesigningrequests.certificates.k8s.io';
const SIGNERS = new Set([
  'kubernetes.io/kube-apiserver-client',
  'kubernetes.io/kube-apiserver-client-kubelet',
  'kubernetes.io/kubelet-serving',
]);
const DEFAULT_SECONDS = 365 * 86_400;

/** Signs a request that has been approved, when it is for one of the cluster's own signers. */
export function reconcileSigningRequest(context: ControllerContext, request: KubeObject): void {
  const signer = String(at(request.spec, 'signerName'));
  if (!SIGNERS.has(signer) || at(request.status, 'certificate') !== undefined) return;
  if (conditionOf(request, 'Approved') === undefined || conditionOf(request, 'Denied') !== undefined) return;
  if (conditionOf(request, 'Failed') !== undefined) return;
  const pem = Buffer.from(String(at(request.spec, 'request')), 'base64').toString('utf8');
  const seconds = Number(at(request.spec, 'expirationSeconds') ?? DEFAULT_SECONDS);
  const usages = listOf<string>(at(request.spec, 'usages'));
  try {
    const certificate = signRequest(context.cluster.spec.authority, pem, {
      usages: usages.includes('server auth') ? ['server'] : ['client'],
      days: seconds / 86_400,
    });
    context.setStatus(REQUESTS, request, {
      certificate: Buffer.from(certificate, 'utf8').toString('base64'),
    });
  } catch (error) {
    if (!(error instanceof CetusError)) throw error;
    const failed: Fields = {
      type: 'Failed',
      status: 'True',
      reason: 'SignerValidationFailure',
      message: error.message,
      lastUpdateTime: timestamp(),
      lastTransitionTime: timestamp(),
    };
    context.setStatus(REQUESTS, request, {
      conditions: [...listOf<Fields>(at(request.status, 'conditions')), failed],
    });
  }
}
