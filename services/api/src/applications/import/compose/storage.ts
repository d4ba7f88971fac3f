import {
  ContainerPath,
  FILE_NAME,
  type ConfigFiles,
  type Mount,
  type SecretForm,
  type Volume,
} from '@cetus/shared/schemas';
import { DEFAULT_VOLUME_SIZE } from '../converted.ts';
import { isFields, Mapping, textOf, type Item } from '../mapping.ts';
import { Names } from '../names.ts';
import type { Place } from '../report.ts';
import { given, matches } from '../values.ts';
import { byteQuantity } from './amounts.ts';
import type { ComposeContext } from './context.ts';

const MAX_PART_NAME = 63;
const MAX_FILES_NAME = 20;
/** The folder of a volume that is mounted: many databases refuse one that has a `lost+found` in it, as a new file system does. */
const FOLDER = 'data';

const BIND = 'Folders and files of the host are not carried over: use a volume, or configs with content.';

/** What a service mounts. */
export class ServiceStorage {
  readonly volumes: Volume[] = [];
  readonly configFiles: ConfigFiles[] = [];
  readonly secrets: SecretForm[] = [];
  readonly mounts: Mount[] = [];
  /** Whether it keeps anything. */
  keeps = false;
  private readonly context: ComposeContext;
  private readonly names = new Names(MAX_PART_NAME);
  private readonly configNames = new Names(MAX_FILES_NAME);
  private readonly secretNames = new Names(MAX_FILES_NAME);
  /** The volumes of the file that are mounted already, by name. */
  private readonly known = new Map<string, string>();

  constructor(service: Mapping, context: ComposeContext) {
    this.context = context;
    for (const item of service.list('volumes')) this.volume(item);
    const tmpfs = service.any('tmpfs');
    const single = textOf(tmpfs);
    if (single === undefined)
      for (const item of service.list('tmpfs')) this.tmpfs(textOf(item.value), item.at);
    else this.tmpfs(single, service.at.in('tmpfs'));
    const shm = byteQuantity(service.text('shm_size'), service.at.in('shm_size'));
    if (shm !== undefined) this.inMemory('shm', '/dev/shm', shm, service.at.in('shm_size'));
    for (const item of service.list('configs')) this.file(item, 'config');
    for (const item of service.list('secrets')) this.file(item, 'secret');
  }

  /** Keeps variables as a secret, whose name it answers. */
  addVariables(values: Record<string, string>): string {
    const name = this.secretNames.take('env');
    this.secrets.push({ name, values });
    return name;
  }

  private volume({ value, at }: Item): void {
    if (isFields(value)) {
      this.longVolume(new Mapping(value, at));
      return;
    }
    const [first, second, mode = ''] = (textOf(value) ?? '').split(':');
    if (first === undefined || first === '') at.lost('It is not a volume such as data:/var/lib/data.');
    else if (second === undefined) this.unnamed(first, at);
    else this.named(first, { path: second, readOnly: mode.split(',').includes('ro') }, at);
  }

  private longVolume(volume: Mapping): void {
    const { at } = volume;
    const type = volume.text('type');
    const source = volume.text('source');
    const path = volume.text('target') ?? '';
    const readOnly = volume.flag('read_only') ?? false;
    const tmpfs = volume.mapping('tmpfs');
    const size = byteQuantity(tmpfs?.text('size'), at.in('tmpfs', 'size'));
    tmpfs?.tell({ mode: ['lost', 'It is not carried over.'] });
    tmpfs?.rest();
    const more = volume.mapping('volume');
    const subPath = more?.text('subpath');
    more?.tell({ nocopy: ['note', 'What an image has at the place of a volume is never copied into it.'] });
    more?.rest();
    volume.tell({ consistency: ['note', 'It has no meaning here.'] });
    if (type === 'bind') volume.silent('bind');
    volume.rest();
    if (type === 'tmpfs') this.inMemory('tmp', path, size, at);
    else if (type === 'volume' && source === undefined) this.unnamed(path, at);
    else if (type === 'volume' && source !== undefined) this.named(source, { path, readOnly, subPath }, at);
    else at.lost(type === 'bind' ? BIND : 'Volumes of this type are not carried over.');
  }

  private named(
    source: string,
    { path, readOnly, subPath }: { path: string; readOnly: boolean; subPath?: string | undefined },
    at: Place,
  ): void {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(source)) {
      at.lost(BIND);
      return;
    }
    if (!this.isPath(path, at)) return;
    let name = this.known.get(source);
    if (name === undefined) {
      name = this.names.take(source);
      this.known.set(source, name);
      const size = this.context.options.default_volume_size ?? DEFAULT_VOLUME_SIZE;
      this.volumes.push({ name, claim_template: { size } });
      this.keeps = true;
      at.note(
        `It becomes a new volume of ${size}, which is empty: neither data nor what the image has there are copied.`,
      );
      if ((this.context.volumeUsers.get(source) ?? 0) > 1)
        at.changed('Several services use this volume; each has one of its own now, and they share nothing.');
      if (!this.context.shared.volumes.has(source)) at.note('The file does not declare this volume.');
    }
    const sub_path = subPath === undefined ? FOLDER : `${FOLDER}/${subPath}`;
    this.mounts.push({ volume: name, path, sub_path, ...(readOnly ? { read_only: true } : {}) });
  }

  private unnamed(path: string, at: Place): void {
    if (!this.isPath(path, at)) return;
    const name = this.names.take('scratch');
    this.volumes.push({ name, empty_dir: {} });
    this.mounts.push({ volume: name, path });
    at.changed('A volume without a name goes with the instance, and is empty at first.');
  }

  private tmpfs(text: string | undefined, at: Place): void {
    const [path = '', options = ''] = (text ?? '').split(':');
    const size = /(?:^|,)size=([^,]*)/.exec(options)?.[1];
    if (options.split(',').some((option) => option !== '' && !option.startsWith('size=')))
      at.lost('Of its options only the size is carried over.');
    this.inMemory('tmp', path, byteQuantity(size, at), at);
  }

  private inMemory(wanted: string, path: string, size: string | undefined, at: Place): void {
    if (!this.isPath(path, at)) return;
    const name = this.names.take(wanted);
    this.volumes.push({ name, empty_dir: given({ memory: true, size_limit: size }) });
    this.mounts.push({ volume: name, path });
    at.note('What is in it counts as memory of the container.');
  }

  private file({ value, at }: Item, kind: 'config' | 'secret'): void {
    const long = isFields(value) ? new Mapping(value, at) : undefined;
    const source = long === undefined ? textOf(value) : long.text('source');
    const target = long?.text('target') ?? source ?? '';
    long?.tell({
      uid: ['lost', 'Files belong to root.'],
      gid: ['lost', 'Files belong to root.'],
      mode: ['lost', 'Files can be read by everybody in the container.'],
    });
    long?.rest();
    const all = this.context.shared[kind === 'config' ? 'configs' : 'secrets'];
    if (source === undefined || !all.has(source)) {
      at.lost(`The file has no ${kind} of this name.`);
      return;
    }
    const folder = kind === 'config' ? '/' : '/run/secrets/';
    const path = target.startsWith('/') ? target : `${folder}${target}`;
    if (!this.isPath(path, at)) return;
    const content = all.get(source);
    const key = matches({ pattern: FILE_NAME }, source) && source !== '__proto__' ? source : 'value';
    const name = this.known.get(`${kind} ${source}`);
    if (kind === 'config') {
      if (content === undefined) at.lost('What it holds is not a part of what is imported.');
      else
        this.mounts.push({
          config: name ?? this.addConfig(source, key, content),
          path,
          sub_path: key,
          read_only: true,
        });
    } else
      this.mounts.push({
        secret: name ?? this.addSecret(source, key, content),
        path,
        sub_path: key,
        read_only: true,
      });
  }

  private addConfig(source: string, key: string, content: string): string {
    const name = this.configNames.take(source);
    this.known.set(`config ${source}`, name);
    this.configFiles.push({ name, files: { [key]: content } });
    return name;
  }

  private addSecret(source: string, key: string, content: string | undefined): string {
    const name = this.secretNames.take(source);
    this.known.set(`secret ${source}`, name);
    this.secrets.push({ name, ...(content === undefined ? {} : { values: { [key]: content } }) });
    return name;
  }

  private isPath(path: string, at: Place): boolean {
    const isThere = this.mounts.some((mount) => mount.path === path);
    if (isThere) at.lost('Something else is at this place already.');
    else if (!matches(ContainerPath, path) || path === '/')
      at.lost('It must be at an absolute path without a colon.');
    else return true;
    return false;
  }
}
