import {
  ContainerPath,
  FILE_NAME,
  ObjectName,
  type ConfigFiles,
  type Mount,
  type SecretForm,
  type Volume,
} from '@cetus/shared/schemas';
import { DEFAULT_VOLUME_SIZE } from '../converted.ts';
import { Mapping } from '../mapping.ts';
import { Names } from '../names.ts';
import type { Place } from '../report.ts';
import { given, matches, quantity } from '../values.ts';
import type { ManifestContext } from './context.ts';
import type { Files } from './file-objects.ts';
import { specOf, tellMetadata, type KubernetesObject } from './objects.ts';

const MAX_PART_NAME = 63;
const MAX_FILES_NAME = 20;

/** What the mounts of a volume name. */
type Source = Pick<Mount, 'config' | 'secret' | 'volume' | 'read_only'>;

/** What the containers of a workload use: volumes, ConfigMaps and Secrets. */
export class WorkloadStorage {
  readonly volumes: Volume[] = [];
  readonly configFiles: ConfigFiles[] = [];
  readonly secrets: SecretForm[] = [];
  private readonly workload: KubernetesObject;
  private readonly context: ManifestContext;
  private readonly isStateful: boolean;
  private readonly names = new Names(MAX_PART_NAME);
  private readonly configNames = new Names(MAX_FILES_NAME);
  private readonly secretNames = new Names(MAX_FILES_NAME);
  private readonly known = new Map<string, { name: string; keys: string[] }>();
  /** What can be mounted, by the name of the volume of the pod; undefined: it is not carried over. */
  private readonly sources = new Map<string, Source | undefined>();

  constructor(workload: KubernetesObject, context: ManifestContext, isStateful: boolean) {
    this.workload = workload;
    this.context = context;
    this.isStateful = isStateful;
  }

  /** Volumes that each instance gets, as a StatefulSet has them. */
  addClaimTemplates(spec: Mapping): void {
    for (const template of spec.mappings('volumeClaimTemplates')) {
      const metadata = template.mapping('metadata');
      const name = metadata?.text('name') ?? '';
      if (metadata !== undefined) tellMetadata(metadata);
      template.silent('apiVersion', 'kind', 'status');
      const claim = template.mapping('spec') ?? new Mapping({}, template.at.in('spec'));
      template.rest();
      this.sources.set(name, this.addVolume(name, { claim_template: this.claimTemplate(claim) }));
    }
  }

  /** The volumes of a pod. */
  addVolumes(pod: Mapping): void {
    for (const volume of pod.mappings('volumes')) {
      const name = volume.text('name') ?? '';
      this.sources.set(name, this.sourceOf(volume, name));
      volume.rest('Volumes of this kind are not carried over.');
    }
  }

  /** Where a container sees them. */
  mountsOf(container: Mapping): Mount[] {
    const paths = new Set<string>();
    return container.mappings('volumeMounts').flatMap((mount): Mount[] => {
      const name = mount.text('name') ?? '';
      const path = mount.text('mountPath') ?? '';
      const subPath = mount.text('subPath');
      const readOnly = mount.flag('readOnly');
      mount.usual({ mountPropagation: 'None' });
      mount.tell({ subPathExpr: ['lost', 'Paths have no variables.'] });
      mount.rest();
      const source = this.sources.get(name);
      if (source === undefined) mount.at.lost('Its volume is not carried over.');
      else if (!matches(ContainerPath, path) || paths.has(path))
        mount.at.lost('It must be at an absolute path of its own, without a colon.');
      else {
        paths.add(path);
        const read_only = readOnly === true || source.read_only === true ? true : undefined;
        return [given<Mount>({ ...source, path, sub_path: subPath || undefined, read_only })];
      }
      return [];
    });
  }

  /** What a ConfigMap holds; undefined: it is not there. */
  configMap(name: string): Files | undefined {
    const object = this.context.use(this.workload, 'ConfigMap', name);
    return object === undefined ? undefined : this.context.filesOf(object);
  }

  /** One of the application's secrets, made of a Secret; undefined: it is not there. */
  secret(name: string): { name: string; keys: string[] } | undefined {
    const object = this.context.use(this.workload, 'Secret', name);
    return object === undefined
      ? undefined
      : this.addSecret(`secret ${name}`, name, this.context.filesOf(object), object.at);
  }

  /** A Secret that is not there: it must be in the namespace. */
  foreign(name: string, at: Place): string {
    at.changed('The Secret is not a part of what is imported; it must be in the namespace already.');
    if (!matches(ObjectName(''), name)) at.lost('It is not the name of a Secret.');
    return name;
  }

  private sourceOf(volume: Mapping, name: string): Source | undefined {
    const { at } = volume;
    const emptyDir = volume.mapping('emptyDir');
    const configMap = volume.mapping('configMap');
    const secret = volume.mapping('secret');
    const claim = volume.mapping('persistentVolumeClaim');
    const hostPath = volume.mapping('hostPath');
    if (configMap !== undefined) return this.configSource(configMap, name);
    if (secret !== undefined) return this.secretSource(secret, name);
    if (claim !== undefined) return this.claimSource(claim, name);
    if (hostPath !== undefined) {
      const path = hostPath.text('path') ?? '';
      hostPath.tell({ type: ['lost', 'What is there is not looked at before.'] });
      hostPath.rest();
      if (matches(ContainerPath, path)) return this.addVolume(name, { host_path: { path } });
      at.lost('It must be an absolute path without a colon.');
      return undefined;
    }
    // Older manifests have an empty volume that says nothing of what it is.
    if (emptyDir === undefined && !volume.has('emptyDir')) {
      at.lost('Volumes of this kind are not carried over.');
      return undefined;
    }
    const size_limit = quantity(emptyDir?.text('sizeLimit'), at.in('emptyDir', 'sizeLimit'));
    const memory = emptyDir?.text('medium') === 'Memory' ? true : undefined;
    emptyDir?.rest();
    return this.addVolume(name, { empty_dir: given({ size_limit, memory }) });
  }

  private configSource(configMap: Mapping, volumeName: string): Source | undefined {
    const name = configMap.text('name') ?? '';
    const files = this.configMap(name);
    const chosen = this.chosen(configMap, files ?? {});
    tellFiles(configMap);
    if (files === undefined || Object.keys(chosen ?? files).length === 0) {
      configMap.at.lost('The ConfigMap is not a part of what is imported, or it is empty.');
      return undefined;
    }
    const key = `config ${chosen === undefined ? name : `${name} ${volumeName}`}`;
    let known = this.known.get(key);
    if (known === undefined) {
      known = { name: this.configNames.take(name), keys: [] };
      this.known.set(key, known);
      this.configFiles.push({ name: known.name, files: chosen ?? files });
    }
    return { config: known.name };
  }

  private secretSource(secret: Mapping, volumeName: string): Source | undefined {
    const name = secret.text('secretName') ?? '';
    const object = this.context.use(this.workload, 'Secret', name);
    if (object === undefined) {
      if (secret.has('items')) secret.at.in('items').changed('All its keys are files, by their own names.');
      secret.silent('items');
      tellFiles(secret);
      return { secret: this.foreign(name, secret.at) };
    }
    const files = this.context.filesOf(object);
    const chosen = this.chosen(secret, files);
    tellFiles(secret);
    const key = `secret ${chosen === undefined ? name : `${name} ${volumeName}`}`;
    const own = this.addSecret(key, name, chosen ?? files, object.at);
    if (own === undefined) secret.at.lost('Nothing of the Secret is carried over.');
    return own === undefined ? undefined : { secret: own.name };
  }

  private claimSource(reference: Mapping, volumeName: string): Source | undefined {
    const name = reference.text('claimName') ?? '';
    const readOnly = reference.flag('readOnly') === true ? true : undefined;
    reference.rest();
    const claim = this.context.use(this.workload, 'PersistentVolumeClaim', name);
    if (claim === undefined) {
      reference.at.changed(
        'The claim is not a part of what is imported; it must be in the namespace already.',
      );
      return this.addVolume(volumeName, { claim: given({ name, read_only: readOnly }) });
    }
    const source = this.addVolume(volumeName, {
      claim_template: this.claimTemplate(specOf(new Mapping(claim.fields, claim.at))),
    });
    claim.at.note('It becomes a new volume, which is empty: data are not moved.');
    if (this.isStateful) reference.at.changed('Each instance has one of its own now.');
    if (this.context.usersOf(claim) > 1)
      reference.at.changed(
        'Several workloads use this claim; each has one of its own now, and they share nothing.',
      );
    return { ...source, ...(readOnly === undefined ? {} : { read_only: readOnly }) };
  }

  private claimTemplate(spec: Mapping): NonNullable<Volume['claim_template']> {
    const { at } = spec;
    const resources = spec.mapping('resources');
    const requests = resources?.mapping('requests');
    const asked = quantity(requests?.text('storage'), at.in('resources', 'requests', 'storage'));
    const size = asked ?? this.context.options.default_volume_size ?? DEFAULT_VOLUME_SIZE;
    if (asked === undefined) at.changed(`Nothing says how large it is; it has ${size}.`);
    requests?.rest();
    resources?.rest();
    const [mode, ...more] = spec.texts('accessModes');
    if (more.length > 0) at.in('accessModes').changed('Only the first one is carried over.');
    const isKnown = mode === 'ReadWriteOnce' || mode === 'ReadOnlyMany' || mode === 'ReadWriteMany';
    if (mode !== undefined && !isKnown) at.in('accessModes').changed('It is ReadWriteOnce now.');
    const storage_class = spec.text('storageClassName') || undefined;
    spec.usual({ volumeMode: 'Filesystem' });
    spec.tell({ volumeName: ['lost', 'The storage class makes a new volume.'] });
    spec.rest();
    return given({
      size,
      storage_class,
      access_mode: isKnown && mode !== 'ReadWriteOnce' ? mode : undefined,
    });
  }

  private addVolume(wanted: string, volume: Omit<Volume, 'name'>): Source {
    const name = this.names.take(wanted);
    this.volumes.push({ name, ...volume });
    return { volume: name };
  }

  private addSecret(
    key: string,
    wanted: string,
    values: Files,
    at: Place,
  ): { name: string; keys: string[] } | undefined {
    const before = this.known.get(key);
    if (before !== undefined) return before;
    const keys = Object.keys(values);
    if (keys.length === 0) return undefined;
    const made = { name: this.secretNames.take(wanted), keys };
    this.known.set(key, made);
    this.secrets.push({ name: made.name, values });
    at.note(
      `It becomes the secret ${made.name}, with the keys ${keys.slice(0, 10).join(', ')}${keys.length > 10 ? ', …' : ''}.`,
    );
    return made;
  }

  /** The files of those keys that a volume chooses, by the names that it gives them; undefined: all. */
  private chosen(source: Mapping, files: Files): Files | undefined {
    if (!source.has('items')) return undefined;
    return Object.fromEntries(
      source.mappings('items').flatMap((item): [string, string][] => {
        const [key, path] = [item.text('key') ?? '', item.text('path') ?? ''];
        item.tell({ mode: ['lost', 'Files can be read by everybody in the container.'] });
        item.rest();
        const content = Object.hasOwn(files, key) ? files[key] : undefined;
        if (content !== undefined && matches({ pattern: FILE_NAME }, path) && path !== '__proto__')
          return [[path, content]];
        item.at.lost('It is not there, or not in the folder itself.');
        return [];
      }),
    );
  }
}

function tellFiles(source: Mapping): void {
  source.usual({ defaultMode: 420 });
  source.silent('optional');
  source.tell({ defaultMode: ['lost', 'Files can be read by everybody in the container.'] });
  source.rest();
}
