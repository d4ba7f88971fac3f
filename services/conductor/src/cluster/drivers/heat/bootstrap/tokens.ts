/**
 * Placeholders in user data which Heat replaces once the addresses, volumes and hidden parameters are known.
 * Every replacement is one line without blanks, quotes or percent signs, so that it is safe in YAML, in a shell
 * string and in a data URL alike.
 */
export const TOKEN = {
  apiAddress: '__CETUS_API_ADDRESS__',
  apiPublicAddress: '__CETUS_API_PUBLIC_ADDRESS__',
  bootstrapToken: '__CETUS_BOOTSTRAP_TOKEN__',
  caKey: '__CETUS_CA_KEY__',
  etcdCaKey: '__CETUS_ETCD_CA_KEY__',
  frontProxyCaKey: '__CETUS_FRONT_PROXY_CA_KEY__',
  serviceAccountKey: '__CETUS_SERVICE_ACCOUNT_KEY__',
  etcdVolume: '__CETUS_ETCD_VOLUME__',
  containerVolume: '__CETUS_CONTAINER_VOLUME__',
  signalUrl: '__CETUS_SIGNAL_URL__',
  signalToken: '__CETUS_SIGNAL_TOKEN__',
} as const;

/** The private address of master `index`. */
export function masterAddressToken(index: number): string {
  return `__CETUS_MASTER_${index}_ADDRESS__`;
}

/** Heat's own placeholder, in every string of a ResourceGroup's definition, for the member's number. */
export const WORKER_INDEX = '%index%';

/** Whether Heat has anything to replace in a text. */
export function hasTokens(text: string): boolean {
  return text.includes('__CETUS_') || text.includes(WORKER_INDEX);
}
