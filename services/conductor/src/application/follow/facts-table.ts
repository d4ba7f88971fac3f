import type { AutoscalerFacts } from '../observe/autoscaler-facts.ts';
import type { IngressFacts, ServiceFacts } from '../observe/network-facts.ts';
import type { ObservedFacts } from '../observe/observe.ts';
import { afterPod, type PodFacts } from '../observe/pod-facts.ts';
import { currentJob, type WorkloadFacts } from '../observe/workload-facts.ts';
import type { WorkloadKind } from '../observe/workload-kinds.ts';

/** What the objects of one application in one namespace are. */
interface Row {
  /** These names once, not once for each object. */
  application: string;
  namespace: string;
  /** Lists of just the length that they need: most have one entry, and there are tens of thousands. */
  workloads?: WorkloadFacts[];
  pods?: PodFacts[];
  services?: ServiceFacts[];
  ingresses?: IngressFacts[];
  autoscalers?: AutoscalerFacts[];
}

/** What is kept of objects, by what they are. */
export interface FactsOf {
  workloads: WorkloadFacts;
  pods: PodFacts;
  services: ServiceFacts;
  ingresses: IngressFacts;
  autoscalers: AutoscalerFacts;
}
export type FactsName = keyof FactsOf;

/** The lists of a row, of whatever they are. */
type Lists = { [N in FactsName]?: FactsOf[FactsName][] };

/** An application as the directory knows it. */
export interface FactsKey {
  application: string;
  /** Where its document says that it is: what has its label elsewhere is not its. */
  namespace: string;
  name: string;
  workload: WorkloadKind;
}

/** All that is known of applications in one cluster, by namespace and application. */
export class FactsTable {
  private readonly rows = new Map<string, Row>();

  /** Takes in an object as it is now. */
  put<N extends FactsName>(what: N, facts: FactsOf[N]): void {
    const { application, namespace } = facts;
    const key = rowKey(namespace, application);
    let row = this.rows.get(key);
    if (row === undefined) this.rows.set(key, (row = { application, namespace }));
    facts.application = row.application;
    facts.namespace = row.namespace;
    const lists = row as Lists;
    const list = lists[what] ?? [];
    const index = list.findIndex((one) => isSame(one, facts));
    if (index < 0) lists[what] = [...list, facts];
    else list[index] = what === 'pods' ? afterPod(list[index] as PodFacts, facts as PodFacts) : facts;
  }

  /** Forgets an object that is gone. */
  drop(what: FactsName, facts: FactsOf[FactsName]): void {
    const key = rowKey(facts.namespace, facts.application);
    const row = this.rows.get(key);
    if (row === undefined) return;
    const rest = (row[what] ?? []).filter((one) => !isSame(one, facts));
    if (rest.length > 0) (row as Lists)[what] = rest;
    else delete row[what];
    const { workloads, pods, services, ingresses, autoscalers } = row;
    if ((workloads ?? pods ?? services ?? ingresses ?? autoscalers) === undefined) this.rows.delete(key);
  }

  /** What is known of an application where it is. */
  factsOf({ application, namespace, name, workload }: FactsKey): ObservedFacts {
    const row = this.rows.get(rowKey(namespace, application));
    const { workloads = [], pods = [], services = [], ingresses = [], autoscalers = [] } = row ?? {};
    const autoscaler = autoscalers.find((one) => one.name === name);
    return {
      workload:
        workload === 'Job'
          ? currentJob(workloads)
          : (workloads.find((one) => one.kind === workload && one.name === name) ?? null),
      pods,
      services,
      ingresses,
      runs: workload === 'CronJob' ? workloads.filter(({ kind }) => kind === 'Job') : [],
      ...(autoscaler === undefined ? {} : { autoscaler }),
    };
  }

  clear(): void {
    this.rows.clear();
  }
}

function rowKey(namespace: string, application: string): string {
  return `${namespace}/${application}`;
}

/** A cronjob and one of its jobs may have one name. */
function isSame(one: FactsOf[FactsName], other: FactsOf[FactsName]): boolean {
  return one.name === other.name && ('kind' in one ? one.kind : '') === ('kind' in other ? other.kind : '');
}
