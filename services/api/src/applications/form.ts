import { isDeepStrictEqual } from 'node:util';
import type { ApplicationForm, ApplicationSpec, StoredPlacement } from '@cetus/shared/schemas';

/** What actions have asked of an application, besides its form. */
export type Asked = Pick<ApplicationSpec, 'stopped' | 'paused' | 'restarted_at' | 'runs'>;

/** Of an application that nothing was asked of yet. */
export const NOTHING_ASKED: Asked = { stopped: false, paused: false, restarted_at: null, runs: 0 };

/** What actions have asked, of a specification. */
export function askedOf({ stopped, paused, restarted_at, runs }: ApplicationSpec): Asked {
  return { stopped, paused, restarted_at, runs };
}

/** The form that a specification was made of, with clusters by id and without the values of secrets. */
export function formOf(spec: ApplicationSpec): ApplicationForm {
  const {
    placements,
    secrets,
    image_pull_secret,
    sealed: _sealed,
    stopped: _stopped,
    paused: _paused,
    restarted_at: _restarted,
    runs: _runs,
    ...rest
  } = spec;
  return {
    ...rest,
    placements: placements.map(placementForm),
    secrets: secrets.map(({ name }) => ({ name })),
    ...(image_pull_secret === null ? {} : { image_pull_secret }),
  };
}

/** Whether two specifications ask for the same, actions aside: the same form with the same secrets. */
export function sameForm(one: ApplicationSpec, other: ApplicationSpec): boolean {
  return isDeepStrictEqual({ ...one, ...NOTHING_ASKED }, { ...other, ...NOTHING_ASKED });
}

function placementForm({
  cluster_id,
  selector,
  overrides,
}: StoredPlacement): ApplicationForm['placements'][number] {
  return {
    ...(cluster_id === null ? {} : { cluster: cluster_id }),
    ...(selector === null ? {} : { selector }),
    ...(Object.keys(overrides).length === 0 ? {} : { overrides }),
  };
}
