export {
  createAuthority,
  issueCertificate,
  signRequest,
  type CertificateUsage,
  type KeyPair,
} from './authority.ts';
export { createSigningRequest, readSigningRequest, type SigningRequest } from './signing-request.ts';
export { certificateInfo, type CertificateInfo } from './certificate-info.ts';
