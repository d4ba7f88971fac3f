import type { ConvertOptions } from '../converted.ts';
import { filesOfConfigMap, filesOfSecret, type Files } from './file-objects.ts';
import { ingressOf, type IngressRule } from './ingress.ts';
import type { KubernetesObject, KubernetesObjects } from './objects.ts';

/** What all workloads of some manifests have in common. */
export class ManifestContext {
  readonly options: ConvertOptions;
  readonly objects: KubernetesObjects;
  /** How many workloads use an object; those that none uses are told of in the end. */
  private readonly users = new Map<KubernetesObject, Set<KubernetesObject>>();
  // Each object is read once, however many workloads use it.
  private readonly files = new Map<KubernetesObject, Files>();
  private readonly rules = new Map<KubernetesObject, IngressRule[]>();

  constructor(objects: KubernetesObjects, options: ConvertOptions) {
    this.objects = objects;
    this.options = options;
  }

  /** An object of the namespace of a workload that uses it. */
  use(by: KubernetesObject, kind: string, name: string): KubernetesObject | undefined {
    const found = this.objects.find(kind, by.namespace, name);
    if (found !== undefined) this.mark(found, by);
    return found;
  }

  mark(object: KubernetesObject, by: KubernetesObject): void {
    const users = this.users.get(object) ?? new Set();
    this.users.set(object, users.add(by));
  }

  /** What a ConfigMap or a Secret holds. */
  filesOf(object: KubernetesObject): Files {
    const files =
      this.files.get(object) ?? (object.kind === 'Secret' ? filesOfSecret(object) : filesOfConfigMap(object));
    this.files.set(object, files);
    return files;
  }

  /** The paths of an Ingress. */
  rulesOf(object: KubernetesObject): IngressRule[] {
    const rules = this.rules.get(object) ?? ingressOf(object);
    this.rules.set(object, rules);
    return rules;
  }

  usersOf(object: KubernetesObject): number {
    return this.users.get(object)?.size ?? 0;
  }
}
