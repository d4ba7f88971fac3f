import { ConfigError } from './config-error.ts';

/** How a service proves who it is to Keystone: by an application credential or by a user's password. */
export type KeystoneCredentials =
  | { type: 'application_credential'; id: string; secret: string }
  | {
      type: 'password';
      username: string;
      password: string;
      projectName: string;
      userDomainName: string;
      projectDomainName: string;
    };

/** The variables of `common-config.ts` that {@link keystoneCredentials} reads. */
export interface KeystoneCredentialConfig {
  CETUS_KEYSTONE_USERNAME?: string;
  CETUS_KEYSTONE_PASSWORD?: string;
  CETUS_KEYSTONE_PROJECT_NAME: string;
  CETUS_KEYSTONE_USER_DOMAIN_NAME: string;
  CETUS_KEYSTONE_PROJECT_DOMAIN_NAME: string;
  CETUS_KEYSTONE_APPLICATION_CREDENTIAL_ID?: string;
  CETUS_KEYSTONE_APPLICATION_CREDENTIAL_SECRET?: string;
}

/**
 * The credentials of a configuration; an application credential goes before a password.
 *
 * @throws ConfigError when neither pair is complete.
 */
export function keystoneCredentials(config: KeystoneCredentialConfig): KeystoneCredentials {
  const id = config.CETUS_KEYSTONE_APPLICATION_CREDENTIAL_ID;
  const secret = config.CETUS_KEYSTONE_APPLICATION_CREDENTIAL_SECRET;
  if (id !== undefined && secret !== undefined) return { type: 'application_credential', id, secret };
  if (id !== undefined || secret !== undefined) {
    const missing = id === undefined ? 'ID' : 'SECRET';
    throw new ConfigError([
      {
        variable: `CETUS_KEYSTONE_APPLICATION_CREDENTIAL_${missing}`,
        message: 'is not set, but the other half is',
      },
    ]);
  }
  const { CETUS_KEYSTONE_USERNAME: username, CETUS_KEYSTONE_PASSWORD: password } = config;
  const problems = [];
  if (username === undefined) problems.push({ variable: 'CETUS_KEYSTONE_USERNAME', message: 'is not set' });
  if (password === undefined) problems.push({ variable: 'CETUS_KEYSTONE_PASSWORD', message: 'is not set' });
  if (username === undefined || password === undefined) throw new ConfigError(problems);
  return {
    type: 'password',
    username,
    password,
    projectName: config.CETUS_KEYSTONE_PROJECT_NAME,
    userDomainName: config.CETUS_KEYSTONE_USER_DOMAIN_NAME,
    projectDomainName: config.CETUS_KEYSTONE_PROJECT_DOMAIN_NAME,
  };
}
