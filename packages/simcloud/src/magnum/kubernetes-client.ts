import { request } from 'node:https';
import { issueCertificate, type KeyPair } from '@cetus/shared/pki';
import type { SimClusterSpec } from '../kubernetes/spec.ts';

const TIMEOUT_MS = 3000;
const DAYS = 365;

/** Certificates of Magnum itself, by the authority that has signed them. */
const certificates = new WeakMap<KeyPair, KeyPair>();

/** Reads from a cluster's API as its administrator. The function throws for an error, and for no answer in 3 s. */
export function kubernetesClient({
  address,
  port,
  authority,
}: SimClusterSpec): (path: string) => Promise<string> {
  const { certificate: cert, key } = certificateOf(authority);
  const options = {
    host: address,
    port,
    ca: authority.certificate,
    cert,
    key,
    timeout: TIMEOUT_MS,
    agent: false,
  };
  return (path) =>
    new Promise((resolve, reject) => {
      const outgoing = request({ ...options, path }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(text);
          else reject(new Error(`${path}: ${String(answer.statusCode)}`));
        });
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${path}: no answer`)));
      outgoing.on('error', reject);
      outgoing.end();
    });
}

function certificateOf(authority: KeyPair): KeyPair {
  let own = certificates.get(authority);
  if (own === undefined) {
    const subject = { commonName: 'admin', organizations: ['system:masters'] };
    own = issueCertificate(authority, { ...subject, usages: ['client'], days: DAYS });
    certificates.set(authority, own);
  }
  return own;
}
