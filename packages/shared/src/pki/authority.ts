import { createPrivateKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import { extension, keyIdentifier, signCertificate } from './certificate.ts';
import { readSigningRequest, type SigningRequest } from './signing-request.ts';
import { encodeAlternativeNames, encodeSubject, type AlternativeNames, type Subject } from './subject.ts';

/** A certificate and the key that belongs to it, as PEM texts. Keys made here are EC P-256 in PKCS#8. */
export interface KeyPair {
  certificate: string;
  key: string;
}

/** What a certificate may be used for in TLS. */
export type CertificateUsage = 'client' | 'server';

interface Lifetime {
  /** How long it is valid, in days from now; never longer than the authority that signs it. */
  days: number;
  /** Default: the present. */
  now?: Date;
}

interface LeafOptions extends Lifetime {
  usages: readonly CertificateUsage[];
}

/** Validity begins in the past: a node whose clock is a little slow must not refuse its own authority. */
const BACKDATE_MS = 3_600_000;
const DAY_MS = 86_400_000;
const USAGES: Record<CertificateUsage, string> = { client: id_kp_clientAuth, server: id_kp_serverAuth };

function validity({ days, now = new Date() }: Lifetime): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A self-signed certificate authority with a new key. */
export function createAuthority(options: { commonName: string } & Lifetime): KeyPair {
  const { publicKey, privateKey } = newKeys();
  const name = encodeSubject(options);
  const usage = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyCertSign;
  const extensions = [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: true })),
    extension(id_ce_keyUsage, true, new KeyUsage(usage)),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyIdentifier(publicKey))),
  ];
  const content = { issuer: name, subject: name, publicKey, ...validity(options), extensions };
  return { certificate: signCertificate(content, privateKey), key: keyPem(privateKey) };
}

function signLeaf(
  authority: KeyPair,
  holder: Subject & AlternativeNames & { publicKey: KeyObject },
  options: LeafOptions,
): string {
  const authorityKey = createPrivateKey(authority.key);
  const { tbsCertificate: issuer } = AsnConvert.parse(
    new X509Certificate(authority.certificate).raw,
    Certificate,
  );
  // An authority made elsewhere may have named its key in another way than ours.
  const named = issuer.extensions?.find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  const authorityKeyId =
    named === undefined
      ? new KeyIdentifier(keyIdentifier(authorityKey))
      : AsnConvert.parse(named.extnValue, SubjectKeyIdentifier);
  const alternativeNames = encodeAlternativeNames(holder);
  const extensions = [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
    extension(
      id_ce_keyUsage,
      true,
      new KeyUsage(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment),
    ),
    extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage(options.usages.map((usage) => USAGES[usage]))),
    extension(
      id_ce_authorityKeyIdentifier,
      false,
      new AuthorityKeyIdentifier({ keyIdentifier: authorityKeyId }),
    ),
    ...(alternativeNames ? [extension(id_ce_subjectAltName, false, alternativeNames)] : []),
  ];
  const { notBefore, notAfter } = validity(options);
  const authorityEnds = issuer.validity.notAfter.getTime();
  return signCertificate(
    {
      issuer: issuer.subject,
      subject: encodeSubject(holder),
      publicKey: holder.publicKey,
      notBefore,
      notAfter: notAfter < authorityEnds ? notAfter : authorityEnds,
      extensions,
    },
    authorityKey,
  );
}

/** A certificate with a new key. @param authority its key may be RSA or EC. */
export function issueCertificate(
  authority: KeyPair,
  options: Subject & AlternativeNames & LeafOptions,
): KeyPair {
  const { publicKey, privateKey } = newKeys();
  return {
    certificate: signLeaf(authority, { ...options, publicKey }, options),
    key: keyPem(privateKey),
  };
}

/**
 * Grants a certificate signing request: common name, organizations, alternative names and key are the request's; what
 * the certificate may be used for is decided here, whatever the request asked.
 * @param authority its key may be RSA or EC.
 * @param request what {@link readSigningRequest} returned, or PEM
 * @returns the certificate, PEM
 * @throws CetusError `invalid_field` as {@link readSigningRequest}
 */
export function signRequest(
  authority: KeyPair,
  request: SigningRequest | string,
  options: LeafOptions,
): string {
  return signLeaf(authority, typeof request === 'string' ? readSigningRequest(request) : request, options);
}
