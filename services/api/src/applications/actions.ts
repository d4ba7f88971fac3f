import { CetusError } from '@cetus/shared/errors';
import { applicationSpecOf, type ApplicationSpec, type StoredApplication } from '@cetus/shared/schemas';
import { planOf, type ApplicationPlan } from './accept.ts';

type Kind = ApplicationSpec['kind'];
type Plan = (application: StoredApplication) => ApplicationPlan | null;

const ROLLED_OUT: readonly Kind[] = ['stateless', 'stateful', 'daemon'];
const RUN: readonly Kind[] = ['job', 'cronjob'];

/** All instances anew, as the form says how. */
export function planOfRestart(now: () => Date): Plan {
  return (application) => {
    const spec = specFor(application, 'restart', ROLLED_OUT);
    if (spec.stopped) throw new CetusError('conflict', 'The application is stopped; start it');
    if (spec.paused) throw new CetusError('conflict', 'The application is paused; resume it first');
    return planOf(application, { ...spec, restarted_at: now().toISOString() });
  };
}

/** No instance runs, or as many as the form says. */
export function planOfStop(stopped: boolean): Plan {
  return (application) => planOf(application, { ...applicationSpecOf(application), stopped });
}

/** Changes do not reach the instances, or do again. */
export function planOfPause(paused: boolean): Plan {
  return (application) => {
    const spec = specFor(application, paused ? 'pause' : 'resume', ROLLED_OUT);
    return planOf(application, { ...spec, paused });
  };
}

/** A job once more; what a cronjob would do by itself, now. */
export const planOfRun: Plan = (application) => {
  const spec = specFor(application, 'run', RUN);
  if (spec.stopped) throw new CetusError('conflict', 'The application is stopped; start it');
  return planOf(application, { ...spec, runs: spec.runs + 1 });
};

/** @throws CetusError `conflict` */
function specFor(application: StoredApplication, action: string, kinds: readonly Kind[]): ApplicationSpec {
  const spec = applicationSpecOf(application);
  if (kinds.includes(spec.kind)) return spec;
  throw new CetusError(
    'conflict',
    `${action} is for applications of the kinds ${kinds.join(', ')}; this one is of the kind ${spec.kind}`,
  );
}
