import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { at, isFields } from '../objects.ts';
import type { ObjectStore } from '../store.ts';
import type { User } from './authentication.ts';

/**
 * Tokens of service accounts: JSON web tokens, signed with a key that follows from a secret of the cluster, so that
 * they are good after a restart.
 */
export class ServiceAccountTokens {
  readonly #key: Buffer;

  constructor(secret: string) {
    this.#key = createHash('sha256').update(`service-accounts/${secret}`).digest();
  }

  /** @returns the token, and when it ends in milliseconds since 1970 */
  sign(
    account: { namespace: string; name: string; uid: string },
    seconds: number,
  ): { token: string; expires: number } {
    const expires = Date.now() + seconds * 1000;
    const claims = {
      aud: ['https://kubernetes.default.svc.cluster.local'],
      exp: Math.floor(expires / 1000),
      iat: Math.floor(Date.now() / 1000),
      iss: 'https://kubernetes.default.svc.cluster.local',
      'kubernetes.io': {
        namespace: account.namespace,
        serviceaccount: { name: account.name, uid: account.uid },
      },
      sub: `system:serviceaccount:${account.namespace}:${account.name}`,
    };
    const body = [{ alg: 'HS256', typ: 'JWT' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return { token: `${body}.${this.#signature(body).toString('base64url')}`, expires };
  }

  /** The user of a token; undefined when it is not one of this cluster's, has ended, or its account has gone. */
  user(token: string, store: ObjectStore): User | undefined {
    const [head = '', claims = '', signature = ''] = token.split('.');
    const given = Buffer.from(signature, 'base64url');
    const own = this.#signature(`${head}.${claims}`);
    if (given.length !== own.length || !timingSafeEqual(given, own)) return undefined;
    const body: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    const account = at(body, 'kubernetes.io');
    const [namespace, name, uid] = [
      at(account, 'namespace'),
      at(account, 'serviceaccount', 'name'),
      at(account, 'serviceaccount', 'uid'),
    ].map(String);
    if (!isFields(body) || Number(body['exp']) * 1000 < Date.now()) return undefined;
    if (store.get('serviceaccounts', namespace, name ?? '')?.metadata.uid !== uid) return undefined;
    return {
      name: `system:serviceaccount:${String(namespace)}:${String(name)}`,
      groups: [
        'system:serviceaccounts',
        `system:serviceaccounts:${String(namespace)}`,
        'system:authenticated',
      ],
    };
  }

  #signature(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
