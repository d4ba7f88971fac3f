/** A refusal as Magnum words it; a status of 500 is one of Magnum's own slips, kept because clients meet them. */
export class MagnumError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'MagnumError';
    this.status = status;
  }
}

/** Magnum answers some input by closing the connection: a value that is not a truth value, where one is wanted. */
export class ConnectionDropped extends Error {
  override readonly name = 'ConnectionDropped';
}

export const badRequest = (message: string): MagnumError => new MagnumError(400, message);
export const invalidField = (field: string, value: unknown, rule: string): MagnumError =>
  badRequest(`Invalid input for field/attribute ${field}. Value: '${pythonText(value)}'. ${rule}`);
export const conflict = (message: string): MagnumError => new MagnumError(409, message);
export const forbidden = (policy: string): MagnumError =>
  new MagnumError(403, `Policy doesn't allow ${policy} to be performed.`);
export const clusterNotFound = (ident: string, status = 404): MagnumError =>
  new MagnumError(status, `Cluster ${ident} could not be found.`);
export const templateNotFound = (ident: string, status = 404): MagnumError =>
  new MagnumError(status, `ClusterTemplate ${ident} could not be found.`);
export const nodeGroupNotFound = (ident: string): MagnumError =>
  new MagnumError(404, `Nodegroup ${ident} could not be found.`);
export const notSupported = (operation: string): MagnumError => badRequest(`${operation} is not supported.`);
/** What the request's version does not know: the answer has neither words nor a code. */
export const notAcceptable = (): MagnumError => new MagnumError(406, '');

/** The body of a refusal. The title is the text up to its first full stop. */
export function magnumErrorBody(status: number, message: string): unknown {
  const code = message === '' ? '' : status < 500 ? 'client' : 'server';
  const title = message.split('.', 1)[0];
  return { errors: [{ request_id: '', code, status, title, detail: message, links: [] }] };
}

/** A value as Python writes it in a text: `{'a': 1}`, `None`, but a string without its quotes. */
export function pythonText(value: unknown): string {
  return typeof value === 'string' ? value : pythonValue(value);
}

function pythonValue(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value === 'object') {
    const pairs = Object.entries(value).map(([key, item]) => `'${key}': ${pythonValue(item)}`);
    return `{${pairs.join(', ')}}`;
  }
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
