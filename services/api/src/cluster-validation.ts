import type { Bus } from '@cetus/shared/bus';
import { CetusError, isErrorCode, type ErrorCode } from '@cetus/shared/errors';
import { driverService, type ClusterSpec, type ClusterTemplateSpec } from '@cetus/shared/schemas';
import type { Logger } from '@cetus/shared/service';

/** What a request names in the cloud. */
export interface References {
  image_id?: string;
  flavor_id?: string;
  master_flavor_id?: string;
  keypair?: string;
  external_network_id?: string;
  fixed_network?: string;
  fixed_subnet?: string;
}

/** What a request asks a driver for. */
export interface Question {
  driver: string;
  /** What it names that the cloud must have. */
  references: References;
  /** The cluster as it would be, all values of its template in it. */
  spec?: ClusterSpec;
  /** The template as it would be. */
  template?: ClusterTemplateSpec;
  /** The cluster that others made, with the id that it has or would have. */
  imported?: { cluster_id: string; kubeconfig: string; context?: string };
}

/** What the conductor answers. */
interface Verdict {
  problems: { field: string; code: string; detail: string }[];
  image: { id: string; os_distro: string } | null;
  /** For a cluster that others made and that can be taken in. */
  imported?: NonNullable<ClusterSpec['imported']>;
}

/** Milliseconds that a request waits for the conductor's verdict. */
const TIMEOUT_MS = 1_000;

/** Nobody could say: the conductor judges when it carries the request out. Any other error is a fault that a client is told of. */
const UNANSWERED: ReadonlySet<ErrorCode> = new Set([
  'request_deadline_exceeded',
  'bus_unavailable',
  'back_end_unavailable',
  'identity_unavailable',
  'store_unavailable',
]);

/**
 * Asks the service that holds the credentials whether the driver can do what a request asks for, and whether what it names exists in
 * the cloud.
 * @param fields what the fields are called in the request, where that is not their name in the question
 * @returns the distribution of the image; null when no image was asked about, or nobody answered in time
 * @throws CetusError naming the field, when something does not exist or cannot be done
 */
export async function validateWithDriver(
  { bus, logger }: { bus: Bus; logger: Logger },
  caller: { projectId: string; userId: string },
  question: Question,
  fields: Readonly<Partial<Record<string, string>>> = {},
): Promise<{ osDistro: string | null }> {
  let verdict: Verdict;
  try {
    verdict = await askDriver(bus, caller, question, TIMEOUT_MS);
  } catch (error) {
    if (!(error instanceof CetusError) || !UNANSWERED.has(error.code)) throw error;
    logger.info({ err: error, references: question.references }, 'a request could not be validated now');
    return { osDistro: null };
  }
  refuseProblems(verdict, fields);
  return { osDistro: verdict.image?.os_distro ?? null };
}

/** @throws CetusError what the bus says, or the driver itself */
export async function askDriver(
  bus: Bus,
  caller: { projectId: string; userId: string },
  question: Question,
  timeoutMs: number,
): Promise<Verdict> {
  const params = { project_id: caller.projectId, user_id: caller.userId, ...question };
  const service = driverService(question.driver);
  return (await bus.request(service, 'cluster.validate', params, { timeoutMs })) as Verdict;
}

/** @throws CetusError the first problem of a verdict */
export function refuseProblems(
  { problems: [problem] }: Verdict,
  fields: Readonly<Partial<Record<string, string>>> = {},
): void {
  if (problem === undefined) return;
  const code = isErrorCode(problem.code) ? problem.code : 'invalid_field';
  throw new CetusError(code, problem.detail, { field: fields[problem.field] ?? problem.field });
}

/** The references that have a value. */
export function namedReferences(all: { [K in keyof References]?: string | null | undefined }): References {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value != null));
}
