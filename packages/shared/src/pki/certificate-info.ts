import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { CetusError } from '../errors/index.ts';
import { decodeSubject } from './subject.ts';

/** What a certificate says. */
export interface CertificateInfo {
  commonName: string | null;
  organizations: string[];
  notBefore: Date;
  notAfter: Date;
  /** SHA-256 of the certificate: upper-case hex pairs with colons between. */
  fingerprint256: string;
}

/**
 * Reads the first certificate of a PEM text.
 * @throws CetusError `invalid_field` with field `certificate` when there is none.
 */
export function certificateInfo(pem: string): CertificateInfo {
  try {
    const certificate = new X509Certificate(pem);
    const { subject, validity } = AsnConvert.parse(certificate.raw, Certificate).tbsCertificate;
    const { commonNames, organizations } = decodeSubject(subject);
    return {
      // Several common names are rare; Go, and so Kubernetes, takes the last one.
      commonName: commonNames.at(-1) ?? null,
      organizations,
      notBefore: validity.notBefore.getTime(),
      notAfter: validity.notAfter.getTime(),
      fingerprint256: certificate.fingerprint256,
    };
  } catch (error) {
    throw new CetusError('invalid_field', 'certificate must be an X.509 certificate in PEM', {
      field: 'certificate',
      cause: error,
    });
  }
}
