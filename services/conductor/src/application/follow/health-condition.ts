import {
  stateOf,
  type Condition,
  type Observation,
  type PlacementStatus,
  type StoredApplication,
} from '@cetus/shared/schemas';

/** A condition of an application, before it is known since when. */
export type Told = Omit<Condition, 'since'>;
/** As much of an application as its conditions are made of. */
export type Conditioned = Pick<StoredApplication, 'observed' | 'health_conditions' | 'operation'> & {
  status: Pick<StoredApplication['status'], 'placements' | 'state'>;
};

/**
 * How an application is in all its clusters together. `False`: something is wrong in one of them. `True`: it is in all of them as it shall
 * be. What is on its way there with nothing wrong neither makes it healthy nor takes that from it, so that an ordinary change is not told
 * as a trouble. Null: there is nothing to tell, for it is going.
 */
export function healthCondition(application: Conditioned): Told | null {
  if (stateOf(application as StoredApplication).startsWith('DELETE_')) return null;
  const placements = application.status.placements.filter(({ state }) => state !== 'REMOVING');
  const said = placements.map((placement) => sayOf(placement, application.observed[placement.cluster_id]));
  const bad = said.find(({ status }) => status === 'False');
  if (bad !== undefined) return { type: 'Healthy', ...bad };
  const before = application.health_conditions?.find(({ type }) => type === 'Healthy');
  const going = said.find(({ status }) => status === 'Unknown');
  if (going !== undefined || said.length === 0) {
    const { reason, message } = going ?? { reason: 'NotPlaced', message: 'It is in no cluster' };
    return { type: 'Healthy', status: before?.status ?? 'Unknown', reason, message };
  }
  return {
    type: 'Healthy',
    status: 'True',
    reason: 'AsAsked',
    message: 'It is as it shall be in all its clusters',
  };
}

/** What a cluster is called where something is said of it. */
export function whereOf({
  cluster_id,
  cluster_name,
}: Pick<PlacementStatus, 'cluster_id' | 'cluster_name'>): string {
  // An application that came before its clusters had names in it.
  return cluster_name === '' ? cluster_id : cluster_name;
}

function sayOf(placement: PlacementStatus, seen: Observation | undefined): Omit<Told, 'type'> {
  const { applied_generation } = placement;
  const where = whereOf(placement);
  if (seen === undefined)
    return { status: 'Unknown', reason: 'NotYetKnown', message: `In cluster ${where} it was not seen yet` };
  const { phase, cause } = seen;
  if (cause !== null)
    return { status: 'False', reason: cause.reason, message: `In cluster ${where}: ${cause.message}` };
  if (phase === 'Missing' && applied_generation === null)
    return { status: 'Unknown', reason: 'NotYetKnown', message: `In cluster ${where} it is not there yet` };
  if (phase === 'Missing')
    return { status: 'False', reason: 'Missing', message: `In cluster ${where} it is not there any more` };
  if (phase === 'Degraded' || phase === 'Failed')
    return { status: 'False', reason: phase, message: `In cluster ${where} it is not as it shall be` };
  if (phase === 'Pending' || phase === 'Progressing')
    return { status: 'Unknown', reason: 'RollingOut', message: `In cluster ${where} it is on its way` };
  return { status: 'True', reason: phase, message: '' };
}
