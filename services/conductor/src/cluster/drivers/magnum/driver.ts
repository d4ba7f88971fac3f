import { CetusError } from '@cetus/shared/errors';
import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { SecretBox } from '@cetus/shared/secrets';
import type { DriverDescription, Operation, StoredCluster } from '@cetus/shared/schemas';
import { HeatClient } from '@cetus/openstack/heat';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import { MagnumClient, type MagnumPlace } from '@cetus/openstack/magnum';
import type {
  AuthorityKind,
  CheckRequest,
  ClusterDriver,
  ClusterFacts,
  DriverResult,
  Inspection,
  ReferenceCheck,
} from '../../cluster-driver.ts';
import { guardBackEnd } from '../openstack/back-end-error.ts';
import { GONE } from '../openstack/gone.ts';
import type { PollBudget } from '../openstack/poll-budget.ts';
import { ReferenceLookup } from '../openstack/references.ts';
import { ApplyRound } from './apply-round.ts';
import { conductorReports, mayAppear } from './appearance.ts';
import { CreateRound, MISSING } from './create-round.ts';
import { makeCredentials } from './credentials.ts';
import { factsOf } from './facts.ts';
import { describeFailure } from './failure.ts';
import { findCluster, findGroups } from './find-cluster.ts';
import { describeDrift, isFailed } from './groups.ts';
import { compared, memoryOf, stateOfMemory } from './memory.ts';
import { imageProblem, specProblems, templateProblems } from './problems.ts';
import { RemoveRound } from './remove-round.ts';
import type { Announced, ProjectClients, RoundContext } from './round.ts';

export interface MagnumDriverOptions {
  /** The service user's session; the driver acts in each tenant's project with it, so that a cluster outlives the user who asked for it. */
  session: KeystoneSession;
  secrets: SecretBox;
  polls: PollBudget;
  /** Where Magnum is: not the catalog's `container-infra`, which may be Cetus itself. */
  place: MagnumPlace;
}

/**
 * Makes clusters through Magnum in the tenant's project. A cluster's name comes from its uuid here, so that whoever looks finds it, whatever
 * crashed when. Magnum answers before it acts, and shows what was before for a while: so what it was told is remembered, and when.
 */
export class MagnumDriver implements ClusterDriver {
  /** No `node-labels`: Magnum has them from microversion 1.14, and for no default group. */
  readonly description: DriverDescription = {
    name: 'magnum',
    capabilities: [
      'create',
      'resize',
      'nodes-to-remove',
      'node-groups',
      'upgrade',
      'rollback',
      'show-ca',
      'sign-certificates',
      'rotate-ca',
    ],
  };
  private readonly options: MagnumDriverOptions;
  private readonly announced: Announced = new Map();
  private readonly administration: MagnumClient;
  /** By the session of the project: each of them asks once for what Magnum speaks. */
  private readonly clients = new WeakMap<KeystoneSession, ProjectClients>();

  constructor(options: MagnumDriverOptions) {
    this.options = options;
    this.administration = new MagnumClient(options.session, options.place);
  }

  apply(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult> {
    return guardBackEnd(() => {
      const round = this.round(cluster, context);
      return new ApplyRound(round, new CreateRound(round), this.options.secrets).run();
    });
  }

  remove(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult> {
    return guardBackEnd(() => new RemoveRound(this.round(cluster, context)).run());
  }

  inspect(cluster: StoredCluster, { signal }: ReconcileContext): Promise<Inspection> {
    return guardBackEnd(async () => {
      const memory = memoryOf(cluster, null);
      const { magnum, heat } = this.clientsOf(cluster);
      const there = await findCluster(magnum, cluster._id, memory, signal);
      if (there === null) {
        const reports = () => conductorReports(this.administration, signal);
        const gone = cluster.status.state === 'DELETE_FAILED' && !(await mayAppear(memory, reports));
        if (gone) return { facts: GONE, drift: null, failure: null, gone };
        const failure = memory.seen ? MISSING : null;
        return { facts: {}, drift: failure?.message ?? null, failure };
      }
      // A look at every group is dear, and Magnum notes when anything changes.
      const last = memory.compared;
      if (last !== null && last.at === there.updated_at && !isFailed(there))
        return { facts: {}, drift: last.drift, failure: null };
      const groups = await findGroups(magnum, there.uuid, cluster.spec, signal);
      const found = { cluster: there, groups };
      if (isFailed(there)) {
        const { failure } = await describeFailure(heat, cluster.spec, found, signal);
        return { facts: {}, drift: null, failure };
      }
      const settled = there.status?.endsWith('_COMPLETE') === true && !there.status.startsWith('DELETE_');
      const drift = describeDrift(cluster.spec, found.groups);
      if (!settled) return { facts: {}, drift, failure: null };
      const driver_state = stateOfMemory(compared(memory, there.updated_at, drift));
      return { facts: { ...factsOf(cluster.spec, found), driver_state }, drift, failure: null };
    });
  }

  check(request: CheckRequest, signal: AbortSignal): Promise<ReferenceCheck> {
    const { projectId, userId, references, spec, template } = request;
    return guardBackEnd(async () => {
      const problems = [
        ...(spec === undefined ? [] : specProblems(spec)),
        ...(template === undefined ? [] : templateProblems(template)),
      ];
      const lookup = new ReferenceLookup(this.options.session, projectId, signal, imageProblem);
      const found = await lookup.check(references, userId);
      return { ...found, problems: [...found.problems, ...problems] };
    });
  }

  authority(cluster: StoredCluster, type: AuthorityKind, signal: AbortSignal): Promise<string> {
    return guardBackEnd(
      async () => (await this.magnum(cluster).getCaCertificate(uuidOf(cluster), { type, signal })).pem,
    );
  }

  signCertificate(cluster: StoredCluster, csr: string, signal: AbortSignal): Promise<string> {
    return guardBackEnd(async () => {
      const request = { cluster_uuid: uuidOf(cluster), csr };
      return (await this.magnum(cluster).signCertificate(request, { signal })).pem;
    });
  }

  renewCredentials(cluster: StoredCluster, { signal }: ReconcileContext): Promise<ClusterFacts> {
    return guardBackEnd(async () => {
      const { api_address: server } = cluster.status;
      if (server === null) return {};
      const at = { uuid: uuidOf(cluster), server };
      return makeCredentials(this.magnum(cluster), this.options.secrets, cluster, at, signal);
    });
  }

  private round(cluster: StoredCluster, context: ReconcileContext): RoundContext {
    const operation = cluster.operation as Operation;
    const { session: service, polls } = this.options;
    const { announced, administration } = this;
    return {
      ...context,
      ...this.clientsOf(cluster),
      ...{ service, administration, announced, cluster, operation, polls },
    };
  }

  private magnum(cluster: StoredCluster): MagnumClient {
    return this.clientsOf(cluster).magnum;
  }

  private clientsOf({ project_id }: StoredCluster): ProjectClients {
    const session = this.options.session.forProject(project_id);
    const clients = this.clients.get(session) ?? {
      magnum: new MagnumClient(session, this.options.place),
      heat: new HeatClient(session),
    };
    this.clients.set(session, clients);
    return clients;
  }
}

/** @throws CetusError `conflict` when Magnum has not been asked for it, or is rid of it. */
function uuidOf(cluster: StoredCluster): string {
  const { uuid } = memoryOf(cluster, null);
  if (uuid === null) throw new CetusError('conflict', 'Magnum has no such cluster now');
  return uuid;
}
