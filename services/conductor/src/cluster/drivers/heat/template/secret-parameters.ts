import { TOKEN } from '../bootstrap/tokens.ts';
import { getParam, type HotParameter, type HotValue } from '../hot.ts';
import type { ClusterSecrets } from '../pki.ts';

interface SecretParameter {
  token: string;
  description: string;
  value: (secrets: ClusterSecrets) => string;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** Keys travel in base64: a PEM has line ends, which would break the text they are put into. */
const SECRET_PARAMETERS: Readonly<Record<string, SecretParameter>> = {
  ca_key: {
    token: TOKEN.caKey,
    description: 'key of the cluster authority',
    value: ({ ca }) => base64(ca.key),
  },
  etcd_ca_key: {
    token: TOKEN.etcdCaKey,
    description: 'key of the etcd authority',
    value: ({ etcdCa }) => base64(etcdCa.key),
  },
  front_proxy_ca_key: {
    token: TOKEN.frontProxyCaKey,
    description: 'key of the front proxy authority',
    value: ({ frontProxyCa }) => base64(frontProxyCa.key),
  },
  service_account_key: {
    token: TOKEN.serviceAccountKey,
    description: 'key that signs service account tokens',
    value: ({ serviceAccount }) => base64(serviceAccount.privateKey),
  },
  bootstrap_token: {
    token: TOKEN.bootstrapToken,
    description: 'token that nodes join with',
    value: ({ bootstrapToken }) => bootstrapToken,
  },
};

const entries = Object.entries(SECRET_PARAMETERS);

/** The hidden parameters of a cluster's template. */
export function secretParameters(): Record<string, HotParameter> {
  return Object.fromEntries(
    entries.map(([name, { description }]) => [
      name,
      { type: 'string', description: `${description} (base64 where it is a key)`, hidden: true },
    ]),
  );
}

/** Their values. */
export function secretParameterValues(secrets: ClusterSecrets): Record<string, string> {
  return Object.fromEntries(entries.map(([name, { value }]) => [name, value(secrets)]));
}

/** What replaces their tokens. */
export function secretTokens(): Record<string, HotValue> {
  return Object.fromEntries(entries.map(([name, { token }]) => [token, getParam(name)]));
}
