import type { KeyPair } from '@cetus/shared/pki';
import { stringify } from 'yaml';

export interface KubeconfigOptions {
  /** Name of the cluster and of the context in the file. */
  clusterName: string;
  /** `https://address:port`. */
  server: string;
  /** PEM of the cluster's authority. */
  caCertificate: string;
  client: KeyPair;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** A kubeconfig with one cluster, one user and one current context; certificates are embedded. YAML text. */
export function createKubeconfig(options: KubeconfigOptions): string {
  const user = `${options.clusterName}-admin`;
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: options.clusterName,
          cluster: { server: options.server, 'certificate-authority-data': base64(options.caCertificate) },
        },
      ],
      users: [
        {
          name: user,
          user: {
            'client-certificate-data': base64(options.client.certificate),
            'client-key-data': base64(options.client.key),
          },
        },
      ],
      contexts: [{ name: options.clusterName, context: { cluster: options.clusterName, user } }],
      'current-context': options.clusterName,
      preferences: {},
    },
    { lineWidth: 0 },
  );
}
