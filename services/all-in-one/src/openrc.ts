import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An account for OpenStack's own clients, by password. */
export interface OpenrcAccount {
  /** Keystone's endpoint, with /v3. */
  authUrl: string;
  username: string;
  password: string;
  projectName: string;
  userDomainName: string;
  projectDomainName: string;
  region: string;
}

/** The account as lines for a shell to source; every value is quoted, so that none can be a command. */
function openrcText(account: OpenrcAccount): string {
  const variables: [string, string][] = [
    ['OS_AUTH_URL', account.authUrl],
    ['OS_USERNAME', account.username],
    ['OS_PASSWORD', account.password],
    ['OS_PROJECT_NAME', account.projectName],
    ['OS_USER_DOMAIN_NAME', account.userDomainName],
    ['OS_PROJECT_DOMAIN_NAME', account.projectDomainName],
    ['OS_IDENTITY_API_VERSION', '3'],
    ['OS_REGION_NAME', account.region],
  ];
  return variables.map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`).join('');
}

/** Writes the account to a file that only its user can read (mode 0600), replacing it as a whole. */
export async function writeOpenrc(file: string, account: OpenrcAccount): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(openrcText(account));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } finally {
    // Gone already when it was renamed.
    await rm(draft, { force: true });
  }
}
