import { createHash, createPublicKey, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** Validity begins in the past: a node whose clock is a little slow must not refuse its own authority. */
const BACKDATE_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface Subject {
  commonName: string;
  organizations: readonly string[];
}

/** An authority, and the P-256 key it signs with. */
export interface Issuer {
  certificate: string;
  privateKey: KeyObject;
}

export interface CertificateRequest {
  subject: Subject;
  publicKey: KeyObject;
  now: Date;
  days: number;
}

function arrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function nameOf(subject: Subject): Name {
  const attribute = (type: string, value: string): RelativeDistinguishedName =>
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: value }) }),
    ]);
  return new Name([
    ...subject.organizations.map((organization) => attribute(ORGANIZATION, organization)),
    attribute(COMMON_NAME, subject.commonName),
  ]);
}

function spkiOf(key: KeyObject): SubjectPublicKeyInfo {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return AsnConvert.parse(publicKey.export({ type: 'spki', format: 'der' }), SubjectPublicKeyInfo);
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the public key's bits. It names a key, it protects nothing. */
function keyIdentifier(key: KeyObject): ArrayBuffer {
  return arrayBuffer(
    createHash('sha1')
      .update(new Uint8Array(spkiOf(key).subjectPublicKey))
      .digest(),
  );
}

function extension(id: string, critical: boolean, value: unknown): Extension {
  return new Extension({ extnID: id, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** Random, positive, and within the 20 octets RFC 5280 allows. */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return arrayBuffer(bytes);
}

function signCertificate(
  request: CertificateRequest,
  issuer: Name,
  key: KeyObject,
  extensions: Extension[],
): string {
  const signatureAlgorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const begin = new Date(request.now.getTime() - BACKDATE_MS);
  const end = new Date(request.now.getTime() + request.days * DAY_MS);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: signatureAlgorithm,
    issuer,
    validity: new Validity({ notBefore: begin, notAfter: end }),
    subject: nameOf(request.subject),
    subjectPublicKeyInfo: spkiOf(request.publicKey),
    extensions: new Extensions(extensions),
  });
  const signatureValue = sign('sha256', new Uint8Array(AsnConvert.serialize(tbsCertificate)), key);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm,
    signatureValue: arrayBuffer(signatureValue),
  });
  return new X509Certificate(new Uint8Array(AsnConvert.serialize(certificate))).toString();
}

/** A self-signed authority with a P-256 key. PEM. */
export function selfSignedAuthority(
  request: Omit<CertificateRequest, 'publicKey'>,
  privateKey: KeyObject,
): string {
  const publicKey = createPublicKey(privateKey);
  const usage = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyCertSign;
  return signCertificate({ ...request, publicKey }, nameOf(request.subject), privateKey, [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: true })),
    extension(id_ce_keyUsage, true, new KeyUsage(usage)),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyIdentifier(publicKey))),
  ]);
}

/** A client certificate of an authority. PEM. */
export function clientCertificate(request: CertificateRequest, issuer: Issuer): string {
  const der = new X509Certificate(issuer.certificate).raw;
  const issuerName = AsnConvert.parse(der, Certificate).tbsCertificate.subject;
  const authorityKey = new KeyIdentifier(keyIdentifier(issuer.privateKey));
  return signCertificate(request, issuerName, issuer.privateKey, [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
    extension(
      id_ce_keyUsage,
      true,
      new KeyUsage(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment),
    ),
    extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([CLIENT_AUTH])),
    extension(
      id_ce_authorityKeyIdentifier,
      false,
      new AuthorityKeyIdentifier({ keyIdentifier: authorityKey }),
    ),
  ]);
}
