import { createHash, createPrivateKey, KeyObject, randomBytes, randomInt, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

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

const DAY_MS = 86_400_000;
/** Validity begins in the past: a node whose clock is a little slow must not refuse its own authority. */
const BACKDATE_MS = 3_600_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const TOKEN_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

async function generateKeyPair(): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair;
}

function keyPem(key: CryptoKey): string {
  return KeyObject.from(key).export({ type: 'sec1', format: 'pem' }).toString();
}

/** Random, positive and within the 20 octets RFC 5280 allows. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - BACKDATE_MS), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

function withFinalNewline(pem: string): string {
  return pem.endsWith('\n') ? pem : `${pem}\n`;
}

async function createAuthority(commonName: string, now: Date, days: number): Promise<KeyedCertificate> {
  const keys = await generateKeyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    ...validity(now, days),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment | x509.KeyUsageFlags.keyCertSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: withFinalNewline(certificate.toString('pem')), key: keyPem(keys.privateKey) };
}

async function importPrivateKey(pem: string): Promise<CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

/**
 * A client certificate signed by a cluster's authority. Kubernetes reads the user from the common name, the groups from the organizations.
 * @param days validity in days
 */
export async function issueClientCertificate(
  ca: KeyedCertificate,
  subject: { commonName: string; organizations: readonly string[] },
  days: number,
  now: Date = new Date(),
): Promise<KeyedCertificate> {
  const issuer = new x509.X509Certificate(ca.certificate);
  const keys = await generateKeyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...subject.organizations.map((organization) => ({ O: [organization] })), { CN: [subject.commonName] }],
    issuer: issuer.subjectName.toJSON(),
    ...validity(now, days),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(ca.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([CLIENT_AUTH]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: withFinalNewline(certificate.toString('pem')), key: keyPem(keys.privateKey) };
}

/** The administrator's certificate; `system:masters` passes every authorisation, so it also repairs a broken RBAC. */
export function issueAdminCertificate(ca: KeyedCertificate, days = 365, now = new Date()): Promise<KeyedCertificate> {
  return issueClientCertificate(ca, { commonName: 'cetus-admin', organizations: ['system:masters'] }, days, now);
}

/** A new kubeadm bootstrap token, 16 secret characters from the operating system's random source. */
export function createBootstrapToken(): string {
  const draw = (length: number): string =>
    Array.from({ length }, () => TOKEN_ALPHABET[randomInt(TOKEN_ALPHABET.length)]).join('');
  return `${draw(6)}.${draw(16)}`;
}

/** Everything a new cluster needs that must not change while it lives. */
export async function createClusterSecrets(options: PkiOptions = {}): Promise<ClusterSecrets> {
  const now = options.now ?? new Date();
  const caDays = options.caDays ?? 3650;
  const [ca, etcdCa, frontProxyCa, serviceAccountKeys] = await Promise.all([
    createAuthority('kubernetes', now, caDays),
    createAuthority('etcd-ca', now, caDays),
    createAuthority('front-proxy-ca', now, caDays),
    generateKeyPair(),
  ]);
  return {
    ca,
    etcdCa,
    frontProxyCa,
    serviceAccount: {
      privateKey: keyPem(serviceAccountKeys.privateKey),
      publicKey: KeyObject.from(serviceAccountKeys.publicKey).export({ type: 'spki', format: 'pem' }).toString(),
    },
    admin: await issueAdminCertificate(ca, options.adminDays ?? 365, now),
    bootstrapToken: createBootstrapToken(),
  };
}

/** kubeadm's discovery hash of an authority: `sha256:` and the hex digest of its public key's SPKI. */
export function discoveryHash(caCertificate: string): string {
  const spki = new X509Certificate(caCertificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

/** When a certificate ends. @throws when the PEM is not a certificate. */
export function certificateExpiry(certificate: string): Date {
  return new Date(new X509Certificate(certificate).validTo);
}

/** Whether a certificate ends within the given days of `now`, or has ended. */
export function expiresWithin(certificate: string, days: number, now: Date = new Date()): boolean {
  return certificateExpiry(certificate).getTime() - now.getTime() <= days * DAY_MS;
}
