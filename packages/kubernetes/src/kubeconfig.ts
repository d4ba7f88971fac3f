import { createPrivateKey, X509Certificate } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import { Lexer, parse, Parser, YAMLParseError } from 'yaml';

/** How to reach one API server and as whom: what one context of a kubeconfig says. */
export interface ClusterAccess {
  /** Address of the API without a trailing slash; may have a path, as behind a proxy. */
  server: string;
  /** Name of the user entry of the kubeconfig. */
  user: string;
  /** Certificate of the authority that signs the server's, PEM. Absent: those that the system trusts. */
  authorityCertificate?: string;
  /** The name that the server's certificate must have instead of the address's. */
  tlsServerName?: string;
  /** Do not look at the server's certificate. */
  skipTlsVerify: boolean;
  clientCertificate?: string;
  clientKey?: string;
  token?: string;
  username?: string;
  password?: string;
}

export interface ReadKubeconfigOptions {
  /** Which context; default: the current one. */
  context?: string | undefined;
  /** Accept `insecure-skip-tls-verify` and plain `http`. Default false. */
  allowInsecure?: boolean | undefined;
}

/** Longer kubeconfigs are refused, in characters: one with a hundred clusters stays below. */
const MAX_LENGTH = 1024 * 1024;

/** Levels of nesting in YAML: a kubeconfig has some six, and the parser counts two for most. */
const MAX_DEPTH = 64;

/** Fields of a user or cluster that cannot be used, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  exec: 'would run a program',
  'auth-provider': 'would run a program',
  tokenFile: 'names a file',
  'client-certificate': 'names a file; embed it as client-certificate-data',
  'client-key': 'names a file; embed it as client-key-data',
  'certificate-authority': 'names a file; embed it as certificate-authority-data',
  'proxy-url': 'names a proxy, which is not supported',
  as: 'is not supported',
  'as-uid': 'is not supported',
  'as-groups': 'is not supported',
  'as-user-extra': 'is not supported',
};

type Fields = Record<string, unknown>;

/**
 * Reads one context of a kubeconfig that a stranger may have written: nothing in it is run, no file of this machine is read.
 * @throws CetusError `invalid_field`; its field is `kubeconfig` and the path of what is wrong in it.
 */
export function readKubeconfig(text: string, options: ReadKubeconfigOptions = {}): ClusterAccess {
  const config = parseText(text);
  const wanted = options.context ?? optionalString(config, 'current-context', '');
  if (wanted === undefined || wanted === '') {
    refuse('current-context', 'The kubeconfig has no current context; say which one to use');
  }
  const { fields: context, path } = entry(config, 'contexts', 'context', wanted);
  const cluster = entry(config, 'clusters', 'cluster', requiredString(context, 'cluster', path));
  const user = entry(config, 'users', 'user', requiredString(context, 'user', path));
  for (const { fields, path } of [cluster, user]) {
    for (const [field, why] of Object.entries(REFUSED)) {
      if (isGiven(fields[field])) refuse(`${path}/${field}`, `The field ${field} ${why}`);
    }
  }
  return { ...readCluster(cluster, options.allowInsecure === true), ...readUser(user) };
}

function parseText(text: string): Fields {
  if (text.length > MAX_LENGTH) refuse('', `The kubeconfig is longer than ${String(MAX_LENGTH)} characters`);
  let value: unknown;
  try {
    requireShallow(text);
    // Neither names that are compared with each other nor errors with an excerpt each: both take time by the square of the length.
    value = parse(text, { maxAliasCount: 0, logLevel: 'error', uniqueKeys: false, prettyErrors: false });
  } catch (cause) {
    refuse('', `The kubeconfig is not YAML: ${whyNoYaml(cause)}`);
  }
  if (!isFields(value)) refuse('', 'The kubeconfig is not a mapping');
  if (isGiven(value['kind']) && value['kind'] !== 'Config') refuse('kind', 'The kind must be Config');
  return value;
}

/** The parser's own words may quote the text, and so a secret. */
function whyNoYaml(error: unknown): string {
  if (error instanceof YAMLParseError)
    return `${error.code.toLowerCase().replaceAll('_', ' ')} at character ${String(error.pos[0])}`;
  return error instanceof TooDeep ? 'it is nested too deeply' : 'it cannot be read';
}

class TooDeep extends Error {}

/**
 * What is nested deeply is composed by recursion, and out of stack Node may end the whole process.
 * @throws TooDeep
 */
function requireShallow(text: string): void {
  const parser = new Parser();
  for (const token of new Lexer().lex(text)) {
    for (const _ of parser.next(token));
    if (parser.stack.length > MAX_DEPTH) throw new TooDeep();
  }
}

interface Entry {
  name: string;
  fields: Fields;
  /** Where it is in the kubeconfig, for errors. */
  path: string;
}

/** The entry of a list of named things: `users[?name == name].user`. */
function entry(config: Fields, list: string, key: string, name: string): Entry {
  const entries = config[list];
  if (!Array.isArray(entries)) refuse(list, `The kubeconfig has no list of ${list}`);
  const index = entries.findIndex((item) => isFields(item) && item['name'] === name);
  if (index < 0) refuse(list, `The kubeconfig has no ${key} named "${name}"`);
  const path = `${list}/${String(index)}/${key}`;
  const fields = (entries[index] as Fields)[key];
  if (!isFields(fields)) refuse(path, `The ${key} named "${name}" is empty`);
  return { name, fields, path };
}

function readCluster(
  { fields, path }: Entry,
  allowInsecure: boolean,
): Pick<ClusterAccess, 'server' | 'authorityCertificate' | 'tlsServerName' | 'skipTlsVerify'> {
  const skipTlsVerify = fields['insecure-skip-tls-verify'] === true;
  if (skipTlsVerify && !allowInsecure) {
    refuse(`${path}/insecure-skip-tls-verify`, 'The certificate of the server must be verified');
  }
  const server = readServer(requiredString(fields, 'server', path), `${path}/server`, allowInsecure);
  const authorityCertificate = pem(fields, 'certificate-authority-data', path, (text) => {
    for (const certificate of certificatesOf(text)) new X509Certificate(certificate);
  });
  const tlsServerName = optionalString(fields, 'tls-server-name', path);
  return {
    server,
    skipTlsVerify,
    ...(authorityCertificate === undefined ? {} : { authorityCertificate }),
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
  };
}

function readServer(server: string, field: string, allowInsecure: boolean): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) {
    refuse(field, 'The server must be an https address');
  }
  if (url.protocol === 'http:' && !allowInsecure) refuse(field, 'The server must be an https address');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    refuse(field, 'The server must be an address without user, password, query and fragment');
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

type Credentials = Pick<
  ClusterAccess,
  'user' | 'clientCertificate' | 'clientKey' | 'token' | 'username' | 'password'
>;

function readUser({ name, fields, path }: Entry): Credentials {
  const clientCertificate = pem(fields, 'client-certificate-data', path, (text) => new X509Certificate(text));
  const clientKey = pem(fields, 'client-key-data', path, (text) => createPrivateKey(text));
  const token = optionalString(fields, 'token', path);
  const username = optionalString(fields, 'username', path);
  const password = optionalString(fields, 'password', path);
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    refuse(path, 'A client certificate and its key must both be there');
  }
  if (clientCertificate === undefined && token === undefined && username === undefined) {
    refuse(path, `The user "${name}" has neither a token nor a client certificate`);
  }
  if (clientCertificate !== undefined && clientKey !== undefined) {
    const matches = new X509Certificate(clientCertificate).checkPrivateKey(createPrivateKey(clientKey));
    if (!matches) refuse(`${path}/client-key-data`, 'The key is not that of the client certificate');
  }
  // A line break in a header would be refused only when the first request is made.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    refuse(`${path}/token`, 'The token must consist of visible ASCII characters');
  }
  return {
    user: name,
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(token === undefined ? {} : { token }),
    ...(username === undefined ? {} : { username, password: password ?? '' }),
  };
}

/** The PEM in a base64 field, when the check takes it. */
function pem(
  fields: Fields,
  field: string,
  path: string,
  check: (text: string) => unknown,
): string | undefined {
  const data = optionalString(fields, field, path);
  if (data === undefined) return undefined;
  const text = Buffer.from(data, 'base64').toString('utf8');
  try {
    check(text);
  } catch (cause) {
    refuse(`${path}/${field}`, `The field ${field} does not hold what it should, in base64`, cause);
  }
  return text;
}

function certificatesOf(text: string): string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (found === null) throw new Error('no certificate');
  return found;
}

function requiredString(fields: Fields, field: string, path: string): string {
  return optionalString(fields, field, path) ?? refuse(`${path}/${field}`, `The field ${field} is missing`);
}

function optionalString(fields: Fields, field: string, path: string): string | undefined {
  const value = fields[field];
  if (!isGiven(value)) return undefined;
  if (typeof value === 'string') return value;
  return refuse(path === '' ? field : `${path}/${field}`, `The field ${field} must be a string`);
}

/** kubectl writes empty values for what it does not know. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(path: string, detail: string, cause?: unknown): never {
  throw new CetusError('invalid_field', `${detail}.`, {
    field: path === '' ? 'kubeconfig' : `kubeconfig/${path}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
