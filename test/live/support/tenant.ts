import assert from 'node:assert/strict';
import { request } from 'node:https';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { openPodExec } from '@cetus/kubernetes/pod-exec';
import type { ClusterAccess } from '@cetus/kubernetes/kubeconfig';
import { createSigningRequest } from '@cetus/shared/pki';
import type { CetusClient } from './client.ts';

/** One request to a Kubernetes API, as a user sends it who has no manners. */
export interface Attempt {
  method: string;
  path: string;
  body?: unknown;
  contentType?: string;
  headers?: Record<string, string>;
}

const REQUEST_MS = 20_000;

/** A user of a cluster past Cetus. To be closed. */
export class KubernetesUser {
  readonly connection: KubernetesConnection;
  private readonly access: ClusterAccess;

  private constructor(access: ClusterAccess) {
    this.access = access;
    this.connection = new KubernetesConnection(access);
  }

  /** With a certificate of the user's id, which the cluster signs through Cetus. */
  static async signed(
    client: CetusClient,
    { cluster, userId, lab }: { cluster: string; userId: string; lab: ClusterAccess },
  ): Promise<KubernetesUser> {
    const { request: csr, key } = createSigningRequest({ commonName: userId });
    const answer = await client.send('POST', '/v1/certificates', { cluster_uuid: cluster, csr });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    const { pem } = answer.body as { pem: string };
    return new KubernetesUser({ ...addressOf(lab), clientCertificate: pem, clientKey: key });
  }

  /** With a token of a service account. */
  static withToken(lab: ClusterAccess, token: string): KubernetesUser {
    return new KubernetesUser({ ...addressOf(lab), token });
  }

  /** The status that is answered to a request, whatever it says besides. */
  status({ method, path, body, contentType, headers = {} }: Attempt): Promise<number> {
    const { server, authorityCertificate: ca, clientCertificate: cert, clientKey: key, token } = this.access;
    return new Promise((resolve, reject) => {
      const sent = request(
        server + path,
        {
          method,
          ca,
          cert,
          key,
          headers: {
            ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...headers,
          },
          signal: AbortSignal.timeout(REQUEST_MS),
        },
        (answer) => {
          resolve(answer.statusCode ?? 0);
          // A watch that is let in would not end.
          answer.destroy();
        },
      );
      sent.once('upgrade', (answer, socket) => {
        resolve(answer.statusCode ?? 0);
        socket.destroy();
      });
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** What a command writes that runs in a pod. */
  async exec(namespace: string, name: string, command: string[]): Promise<string> {
    const signal = AbortSignal.timeout(REQUEST_MS);
    const socket = await openPodExec(this.connection, { namespace, name, command }, signal);
    let text = '';
    socket.on('message', (data: Buffer) => {
      if (data[0] === 1) text += data.subarray(1).toString();
    });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    await closed;
    return text;
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

/** Where the API is, and nobody's credentials. */
function addressOf({ server, authorityCertificate, skipTlsVerify }: ClusterAccess): ClusterAccess {
  return {
    server,
    user: 'tenant',
    skipTlsVerify,
    ...(authorityCertificate === undefined ? {} : { authorityCertificate }),
  };
}
