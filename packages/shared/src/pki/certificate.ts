import { createHash, createPublicKey, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  Certificate,
  Extension,
  Extensions,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
  type Name,
} from '@peculiar/asn1-x509';
import { CetusError } from '../errors/index.ts';

/** What stands in a certificate but for the signature. */
export interface CertificateContent {
  issuer: Name;
  subject: Name;
  publicKey: KeyObject;
  notBefore: Date;
  notAfter: Date;
  extensions: Extension[];
}

export function arrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

export function encodePublicKey(key: KeyObject): SubjectPublicKeyInfo {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return AsnConvert.parse(publicKey.export({ type: 'spki', format: 'der' }), SubjectPublicKeyInfo);
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the public key's bits. It names a key, it protects nothing. */
export function keyIdentifier(key: KeyObject): ArrayBuffer {
  return arrayBuffer(
    createHash('sha1')
      .update(new Uint8Array(encodePublicKey(key).subjectPublicKey))
      .digest(),
  );
}

export function extension(id: string, critical: boolean, value: unknown): Extension {
  return new Extension({ extnID: id, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** How a key signs: with SHA-256, by its type. @throws CetusError `unsupported` for keys other than RSA and EC. */
export function signatureAlgorithm(key: KeyObject): AlgorithmIdentifier {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' });
    case 'rsa':
      return new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: null });
    default:
      throw new CetusError('unsupported', 'The key of a certificate authority must be RSA or EC.');
  }
}

/** Random, positive, and within the 20 octets RFC 5280 allows. */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return arrayBuffer(bytes);
}

/** Signs an X.509 v3 certificate (RFC 5280). PEM. */
export function signCertificate(content: CertificateContent, key: KeyObject): string {
  const algorithm = signatureAlgorithm(key);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: content.issuer,
    validity: new Validity({ notBefore: content.notBefore, notAfter: content.notAfter }),
    subject: content.subject,
    subjectPublicKeyInfo: encodePublicKey(content.publicKey),
    extensions: new Extensions(content.extensions),
  });
  const signatureValue = sign('sha256', new Uint8Array(AsnConvert.serialize(tbsCertificate)), key);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: arrayBuffer(signatureValue),
  });
  return new X509Certificate(new Uint8Array(AsnConvert.serialize(certificate))).toString();
}
