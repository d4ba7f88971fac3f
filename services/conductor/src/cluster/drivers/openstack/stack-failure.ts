/** Why a stack failed, for machines. Every code that is not listed in the tables below is `resource_failed`. */
type StackFailureCode =
  | 'flavor_not_found'
  | 'image_not_found'
  | 'network_not_found'
  | 'volume_type_not_found'
  | 'quota_exceeded'
  | 'no_valid_host'
  | 'addresses_exhausted'
  | 'server_error'
  | 'load_balancer_error'
  | 'volume_error'
  | 'forbidden'
  | 'bootstrap_failed'
  | 'stack_timeout'
  | 'resource_failed';

export interface StackFailure {
  code: StackFailureCode;
  /** Heat's whole reason, preceded by the resource it is about. */
  message: string;
  /** Absent when Heat names none, as for a stack that ran out of time. */
  resource?: { type: string; name: string; id?: string };
}

/** The parts of Heat's answers that are read; field names are Heat's. */
export interface FailedStack {
  stack_name: string;
  stack_status: string;
  stack_status_reason?: string | null | undefined;
  creation_time?: string | null | undefined;
  updated_time?: string | null | undefined;
  /** Minutes. */
  timeout_mins?: number | null | undefined;
}

export interface StackResourceState {
  resource_name: string;
  resource_type: string;
  resource_status: string;
  resource_status_reason?: string | null | undefined;
  physical_resource_id?: string | null | undefined;
  updated_time?: string | null | undefined;
  /** Name, in the stack above, of the resource whose nested stack this one is in. */
  parent_resource?: string | null | undefined;
  links?: readonly { rel: string; href: string }[] | undefined;
}

export interface StackEventState {
  resource_name: string;
  resource_status: string;
  resource_status_reason?: string | null | undefined;
  physical_resource_id?: string | null | undefined;
  event_time?: string | null | undefined;
}

/** What the cluster asked for: tells which of several references Heat did not find. */
export interface AskedReferences {
  flavors?: readonly (string | undefined)[];
  images?: readonly (string | undefined)[];
  networks?: readonly (string | undefined)[];
  volumeTypes?: readonly (string | undefined)[];
}

/** Heat begins a resource's reason with the class of the exception: `ResourceInError: resources.master_0: …`. */
const EXCEPTION = /^(?:Resource [A-Z]+ failed: )?([A-Z][A-Za-z0-9_]*): /;

/** Exception classes of Heat and of the clients it uses which mean the same whatever the resource. */
const CODE_OF_EXCEPTION: Readonly<Record<string, StackFailureCode>> = {
  WaitConditionFailure: 'bootstrap_failed',
  WaitConditionTimeout: 'bootstrap_failed',
  NoValidHost: 'no_valid_host',
  OverQuotaClient: 'quota_exceeded',
  OverQuota: 'quota_exceeded',
  OverLimit: 'quota_exceeded',
  QuotaExceeded: 'quota_exceeded',
  RequestLimitExceeded: 'quota_exceeded',
  IpAddressGenerationFailureClient: 'addresses_exhausted',
  ExternalIpAddressExhaustedClient: 'addresses_exhausted',
  NetworkNotFoundClient: 'network_not_found',
  SubnetNotFoundClient: 'network_not_found',
  PhysicalResourceNameAmbiguity: 'resource_failed',
};

const NOT_FOUND = new Set([
  'EntityNotFound',
  'NotFound',
  'NotFoundException',
  'ResourceNotFound',
  'StackValidationFailed',
]);

/** Nova and Cinder answer an exhausted quota with 403 and no class of its own. */
const QUOTA_BY_FORBIDDEN = ['OS::Nova::', 'OS::Cinder::', 'OS::Octavia::'];

const IN_ERROR: readonly (readonly [prefix: string, code: StackFailureCode])[] = [
  ['OS::Nova::Server', 'server_error'],
  ['OS::Octavia::', 'load_balancer_error'],
  ['OS::Cinder::', 'volume_error'],
];

function exceptionOf(reason: string): string | undefined {
  return EXCEPTION.exec(reason)?.[1];
}

function notFoundCode(type: string, reason: string, asked: AskedReferences): StackFailureCode {
  const kinds: [StackFailureCode, readonly (string | undefined)[]][] = [
    ['flavor_not_found', asked.flavors ?? []],
    ['image_not_found', asked.images ?? []],
    ['network_not_found', asked.networks ?? []],
    ['volume_type_not_found', asked.volumeTypes ?? []],
  ];
  for (const [code, references] of kinds) {
    // Identifiers of our own are looked for, never Heat's wording.
    if (
      references.some(
        (reference) => reference !== undefined && reference !== '' && reason.includes(`(${reference})`),
      )
    ) {
      return code;
    }
  }
  return type.startsWith('OS::Neutron::') ? 'network_not_found' : 'resource_failed';
}

function classify(type: string, reason: string, asked: AskedReferences): StackFailureCode {
  const exception = exceptionOf(reason) ?? '';
  const known = Object.hasOwn(CODE_OF_EXCEPTION, exception) ? CODE_OF_EXCEPTION[exception] : undefined;
  if (known !== undefined) return known;
  if (NOT_FOUND.has(exception)) return notFoundCode(type, reason, asked);
  if (exception === 'Forbidden') {
    return QUOTA_BY_FORBIDDEN.some((prefix) => type.startsWith(prefix)) ? 'quota_exceeded' : 'forbidden';
  }
  if (exception === 'ResourceInError' || exception === 'ResourceUnknownStatus') {
    return IN_ERROR.find(([prefix]) => type.startsWith(prefix))?.[1] ?? 'resource_failed';
  }
  if (type === 'OS::Heat::WaitCondition' && exception !== '') return 'bootstrap_failed';
  return 'resource_failed';
}

function link(resource: StackResourceState, rel: string): string | undefined {
  return resource.links?.find((candidate) => candidate.rel === rel)?.href;
}

function holds(parent: StackResourceState, child: StackResourceState): boolean {
  const nested = link(parent, 'nested');
  const stack = link(child, 'stack');
  if (nested !== undefined && stack !== undefined) return nested === stack;
  return child.parent_resource === parent.resource_name && child !== parent;
}

function time(text: string | null | undefined): number {
  const value = Date.parse(text ?? '');
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
}

/**
 * The failed resource that is the cause: one that holds no other failed one; before those that were only cancelled
 * because another had failed (they carry no exception); the earliest of several.
 */
function cause(resources: readonly StackResourceState[]): StackResourceState | undefined {
  const failed = resources.filter((resource) => resource.resource_status.endsWith('_FAILED'));
  const leaves = failed.filter((resource) => !failed.some((other) => holds(resource, other)));
  const rank = (resource: StackResourceState): number =>
    exceptionOf(resource.resource_status_reason ?? '') === undefined ? 1 : 0;
  return [...leaves].sort((a, b) => rank(a) - rank(b) || time(a.updated_time) - time(b.updated_time) || 0)[0];
}

function timedOut(stack: FailedStack, events: readonly StackEventState[]): boolean {
  // The whole reason, as Heat's engine sets it; it has no exception class.
  const reason = stack.stack_status_reason ?? '';
  if (reason === 'Timed out' || /^[A-Z][a-z]+ timed out$/.test(reason)) return true;
  if (typeof stack.timeout_mins !== 'number' || stack.timeout_mins <= 0) return false;
  const action = stack.stack_status.split('_')[0];
  const start = time(action === 'CREATE' ? stack.creation_time : stack.updated_time);
  const end = Math.max(
    ...events
      .filter(
        ({ resource_name, resource_status }) =>
          resource_name === stack.stack_name && resource_status === stack.stack_status,
      )
      .map(({ event_time }) => time(event_time))
      .filter(Number.isFinite),
    Number.NEGATIVE_INFINITY,
  );
  return end - start >= stack.timeout_mins * 60_000;
}

function eventReason(resource: StackResourceState, events: readonly StackEventState[]): string | undefined {
  const matching = events
    .filter(
      (event) =>
        event.resource_name === resource.resource_name && event.resource_status === resource.resource_status,
    )
    .filter((event) => exceptionOf(event.resource_status_reason ?? '') !== undefined)
    .sort((a, b) => time(a.event_time) - time(b.event_time));
  return matching[0]?.resource_status_reason ?? undefined;
}

/**
 * Finds why a stack failed.
 * @param resources of the stack, best with `nested_depth`, so that a failed worker is found and not just its group
 * @param events of the stack, in any order; a reason is taken from there where the resource lost its own
 */
export function describeStackFailure(
  stack: FailedStack,
  resources: readonly StackResourceState[],
  events: readonly StackEventState[],
  asked: AskedReferences = {},
): StackFailure {
  const stackReason = stack.stack_status_reason ?? stack.stack_status;
  const failed = cause(resources);
  const own = failed?.resource_status_reason ?? '';
  const reason =
    failed === undefined || exceptionOf(own) !== undefined ? own : (eventReason(failed, events) ?? own);
  const explained = exceptionOf(reason) !== undefined;
  if (!explained && timedOut(stack, events)) {
    const limit = typeof stack.timeout_mins === 'number' ? ` after ${stack.timeout_mins} minutes` : '';
    const waiting = resources.filter(({ resource_status }) => resource_status.endsWith('_IN_PROGRESS'));
    const names = waiting.map(({ resource_name }) => resource_name).join(', ');
    return {
      code: 'stack_timeout',
      message: `The stack ran out of time${limit}${names === '' ? '' : ` while waiting for ${names}`}: ${stackReason}`,
    };
  }
  if (failed === undefined) return { code: classify('', stackReason, asked), message: stackReason };
  const id = failed.physical_resource_id ?? '';
  return {
    code: classify(failed.resource_type, reason, asked),
    message: `${failed.resource_name} (${failed.resource_type}): ${reason === '' ? stackReason : reason}`,
    resource: { type: failed.resource_type, name: failed.resource_name, ...(id === '' ? {} : { id }) },
  };
}
