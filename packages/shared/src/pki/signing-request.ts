import { createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr';
import { Extensions, id_ce_subjectAltName, SubjectAlternativeName } from '@peculiar/asn1-x509';
import { CetusError } from '../errors/index.ts';
import { arrayBuffer, encodePublicKey, signatureAlgorithm } from './certificate.ts';
import { decodeAlternativeNames, decodeSubject, encodeSubject, type Subject } from './subject.ts';

/** What somebody asks to have certified. */
export interface SigningRequest {
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  ipAddresses: string[];
  publicKey: KeyObject;
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const MINIMUM_RSA_BITS = 2048;
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
const PEM =
  /-----BEGIN (NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (NEW )?CERTIFICATE REQUEST-----/;

/** The digest of each signature algorithm that is accepted; undefined where the algorithm has its own. */
const DIGESTS = new Map<string, string | undefined>([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', undefined],
]);

function refuse(detail: string, cause?: unknown): CetusError {
  return new CetusError('invalid_field', `csr ${detail}`, { field: 'csr', cause });
}

/** A PKCS#10 request for a new EC P-256 key. `request` and `key` are PEM, the key PKCS#8. */
export function createSigningRequest(subject: Subject): { request: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const certificationRequestInfo = new CertificationRequestInfo({
    subject: encodeSubject(subject),
    subjectPKInfo: encodePublicKey(publicKey),
  });
  const signed = new Uint8Array(AsnConvert.serialize(certificationRequestInfo));
  const der = AsnConvert.serialize(
    new CertificationRequest({
      certificationRequestInfo,
      signatureAlgorithm: signatureAlgorithm(privateKey),
      signature: arrayBuffer(sign('sha256', signed, privateKey)),
    }),
  );
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    request: ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join(
      '\n',
    ),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function parseRequest(pem: string): CertificationRequest {
  const body = PEM.exec(pem)?.[2];
  if (body === undefined) throw refuse('must be a PKCS#10 certificate signing request in PEM');
  try {
    return AsnConvert.parse(Buffer.from(body, 'base64'), CertificationRequest);
  } catch (error) {
    throw refuse('is not a PKCS#10 certificate signing request', error);
  }
}

function readPublicKey(info: CertificationRequestInfo): KeyObject {
  let key: KeyObject;
  try {
    const der = Buffer.from(AsnConvert.serialize(info.subjectPKInfo));
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (error) {
    throw refuse('has a public key that cannot be read', error);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const strong =
    type === 'ed25519' ||
    (type === 'rsa' && (details?.modulusLength ?? 0) >= MINIMUM_RSA_BITS) ||
    (type === 'ec' && CURVES.includes(details?.namedCurve ?? ''));
  if (!strong) {
    throw refuse(
      'must have an RSA key of at least 2048 bits, an EC key on P-256, P-384 or P-521, or Ed25519',
    );
  }
  return key;
}

function isGenuine(
  digest: string | undefined,
  signed: Uint8Array,
  key: KeyObject,
  signature: ArrayBuffer,
): boolean {
  try {
    return verify(digest, signed, key, new Uint8Array(signature));
  } catch {
    // An algorithm that is not one of this type of key.
    return false;
  }
}

/** Whoever asks must hold the private key: the request is signed with it. */
function checkSignature(request: CertificationRequest, key: KeyObject): void {
  const { algorithm } = request.signatureAlgorithm;
  if (!DIGESTS.has(algorithm)) {
    throw refuse(
      'must be signed by RSA (PKCS #1 v1.5) or ECDSA with SHA-256, SHA-384 or SHA-512, or by Ed25519',
    );
  }
  const signed = new Uint8Array(request.certificationRequestInfoRaw ?? new ArrayBuffer(0));
  if (!isGenuine(DIGESTS.get(algorithm), signed, key, request.signature)) {
    throw refuse('is not signed by its own key: it was changed, or made with another key');
  }
}

function readAlternativeNames(info: CertificationRequestInfo): { dnsNames: string[]; ipAddresses: string[] } {
  try {
    const names = [...info.attributes]
      .filter(({ type }) => type === EXTENSION_REQUEST)
      .flatMap(({ values }) => values.flatMap((value) => [...AsnConvert.parse(value, Extensions)]))
      .filter(({ extnID }) => extnID === id_ce_subjectAltName)
      .flatMap(({ extnValue }) => [...AsnConvert.parse(extnValue, SubjectAlternativeName)]);
    return decodeAlternativeNames(new SubjectAlternativeName(names));
  } catch (error) {
    throw refuse('has subject alternative names other than DNS names and IP addresses', error);
  }
}

/**
 * Reads a PKCS#10 request (RFC 2986) and checks it: signed by its own key, and the key strong enough. Of the subject the
 * common name and the organizations are kept, of the extensions asked for the alternative names.
 * @throws CetusError `invalid_field` with field `csr` that says what is wrong with it.
 */
export function readSigningRequest(pem: string): SigningRequest {
  const request = parseRequest(pem);
  const info = request.certificationRequestInfo;
  const publicKey = readPublicKey(info);
  checkSignature(request, publicKey);
  const { commonNames, organizations } = decodeSubject(info.subject);
  const [commonName = ''] = commonNames;
  if (commonName === '' || commonNames.length > 1) {
    throw refuse('must have a subject with exactly one common name (CN)');
  }
  return { commonName, organizations, ...readAlternativeNames(info), publicKey };
}
