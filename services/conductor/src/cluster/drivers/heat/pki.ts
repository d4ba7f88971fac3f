import {
  createHash,
  createPrivateKey,
  generateKeyPair,
  randomInt,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { createAuthority, issueCertificate, type KeyPair } from '@cetus/shared/pki';

/** PEM texts. Keys are ECDSA P-256 in SEC 1 form, which kubeadm and Go's TLS read. */
export interface KeyedCertificate {
  certificate: string;
  key: string;
}

/** The secrets of a cluster's life. All but `certificate`s and `publicKey` must be kept encrypted. */
export interface ClusterSecrets {
  ca: KeyedCertificate;
  etcdCa: KeyedCertificate;
  frontProxyCa: KeyedCertificate;
  serviceAccount: { privateKey: string; publicKey: string };
  admin: KeyedCertificate;
  /** kubeadm bootstrap token, `abcdef.0123456789abcdef`; made without expiry, so that workers can join months later. */
  bootstrapToken: string;
}

export interface PkiOptions {
  now?: Date;
  /** Validity of the three authorities in days. Default 3650. */
  caDays?: number;
  /** Validity of the administrator's certificate in days. Default 365. */
  adminDays?: number;
}

const CA_DAYS = 3650;
const ADMIN_DAYS = 365;
const TOKEN_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

const generateKeys = promisify(generateKeyPair);

function keyPair(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return generateKeys('ec', { namedCurve: 'prime256v1' });
}

function keyPem(key: KeyObject): string {
  return key.export({ type: 'sec1', format: 'pem' }).toString();
}

function sec1({ certificate, key }: KeyPair): KeyedCertificate {
  return { certificate, key: keyPem(createPrivateKey(key)) };
}

/** The administrator's certificate; `system:masters` passes every authorisation, so it also repairs a broken RBAC. */
export function issueAdminCertificate(
  ca: KeyedCertificate,
  days = ADMIN_DAYS,
  now = new Date(),
): KeyedCertificate {
  const admin = { commonName: 'cetus-admin', organizations: ['system:masters'] };
  return sec1(issueCertificate(ca, { ...admin, usages: ['client'], days, now }));
}

/** A new kubeadm bootstrap token, 16 secret characters from the operating system's random source. */
export function createBootstrapToken(): string {
  const draw = (length: number): string =>
    Array.from({ length }, () => TOKEN_ALPHABET.charAt(randomInt(TOKEN_ALPHABET.length))).join('');
  return `${draw(6)}.${draw(16)}`;
}

/** Everything a new cluster needs that must not change while it lives. */
export async function createClusterSecrets(options: PkiOptions = {}): Promise<ClusterSecrets> {
  const now = options.now ?? new Date();
  const authority = (commonName: string): KeyedCertificate =>
    sec1(createAuthority({ commonName, days: options.caDays ?? CA_DAYS, now }));
  const ca = authority('kubernetes');
  const serviceAccount = await keyPair();
  return {
    ca,
    etcdCa: authority('etcd-ca'),
    frontProxyCa: authority('front-proxy-ca'),
    serviceAccount: {
      privateKey: keyPem(serviceAccount.privateKey),
      publicKey: serviceAccount.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
    admin: issueAdminCertificate(ca, options.adminDays ?? ADMIN_DAYS, now),
    bootstrapToken: createBootstrapToken(),
  };
}

/** kubeadm's discovery hash of an authority: `sha256:` and the hex digest of its public key's SPKI. */
export function discoveryHash(caCertificate: string): string {
  const spki = new X509Certificate(caCertificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}
