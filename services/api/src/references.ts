import type { Bus } from '@cetus/shared/bus';
import { CetusError, isErrorCode } from '@cetus/shared/errors';
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

/** What the conductor answers about references. */
interface Verdict {
  problems: { field: string; code: string; detail: string }[];
  image: { id: string; os_distro: string } | null;
}

/** Milliseconds that a request waits for the conductor's verdict. */
const TIMEOUT_MS = 1_000;

/**
 * Asks the service that holds the credentials whether what a request names exists in the cloud.
 * @returns the distribution of the image; null when no image was asked about, or nobody answered in time
 * @throws CetusError naming the field, when something does not exist
 */
export async function checkReferences(
  bus: Bus,
  log: Logger,
  caller: { projectId: string; userId: string },
  driver: string,
  references: References,
  /** What the fields are called in the request, where that is not their name here. */
  fields: Readonly<Partial<Record<keyof References, string>>> = {},
): Promise<{ osDistro: string | null }> {
  if (Object.keys(references).length === 0) return { osDistro: null };
  let verdict: Verdict;
  try {
    verdict = (await bus.request(
      'conductor',
      'cluster.validate',
      { driver, project_id: caller.projectId, user_id: caller.userId, references },
      { timeoutMs: TIMEOUT_MS },
    )) as Verdict;
  } catch (error) {
    // Nobody could say (no conductor, no bus, no back end): the conductor judges when it carries the request out.
    if (!(error instanceof CetusError) || error.status < 500) throw error;
    log.info({ err: error, references }, 'the references of a request could not be checked now');
    return { osDistro: null };
  }
  const [problem] = verdict.problems;
  if (problem !== undefined) {
    const code = isErrorCode(problem.code) ? problem.code : 'invalid_field';
    throw new CetusError(code, problem.detail, {
      field: fields[problem.field as keyof References] ?? problem.field,
    });
  }
  return { osDistro: verdict.image?.os_distro ?? null };
}

/** The references that have a value. */
export function namedReferences(all: { [K in keyof References]?: string | null | undefined }): References {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value != null));
}
