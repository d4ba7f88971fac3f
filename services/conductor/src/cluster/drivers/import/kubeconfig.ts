import type { ClusterAccess } from '@cetus/kubernetes/kubeconfig';
import { stringify } from 'yaml';

const NAME = 'imported';

/**
 * A kubeconfig with nothing in it but one way to reach one cluster: the credentials of other clusters that came along are not kept.
 */
export function kubeconfigFor(access: ClusterAccess): string {
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: NAME,
          cluster: {
            server: access.server,
            'certificate-authority-data': base64(access.authorityCertificate),
            'tls-server-name': access.tlsServerName,
          },
        },
      ],
      users: [
        {
          name: access.user,
          user: {
            'client-certificate-data': base64(access.clientCertificate),
            'client-key-data': base64(access.clientKey),
            token: access.token,
            username: access.username,
            password: access.password,
          },
        },
      ],
      contexts: [{ name: NAME, context: { cluster: NAME, user: access.user } }],
      'current-context': NAME,
    },
    { lineWidth: 0, keepUndefined: false },
  );
}

function base64(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'utf8').toString('base64');
}
