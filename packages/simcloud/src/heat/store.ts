import type { Documents } from '../documents.ts';
import { randomAddress } from '../ids.ts';
import type { EventRecord, StackDocument, StackRecord } from './types.ts';

/** Events kept of one root stack and all that is nested in it; Heat's own default. */
const MOST_EVENTS = 1000;
/** Deleted stacks kept to be asked for by id; the oldest go first. */
const MOST_DELETED = 5000;
/** Changes of the engine's own are written at most this often for one stack, milliseconds. */
const WRITE_EVERY_MS = 50;

interface Family {
  root: StackRecord;
  nested: Map<string, StackRecord>;
  events: EventRecord[];
}

/** All stacks, by id, by name, and by project in the order of creation; and their files. */
export class StackStore {
  readonly #families = new Map<string, Family>();
  readonly #byId = new Map<string, StackRecord>();
  readonly #byName = new Map<string, StackRecord>();
  readonly #byProject = new Map<string, StackRecord[]>();
  readonly #deleted: string[] = [];
  readonly #documents: Documents;
  readonly #dirty = new Map<string, NodeJS.Timeout>();
  readonly #onError: (error: unknown) => void;
  readonly #listeners: ((stack: StackRecord) => void)[] = [];
  #sequence = 0;

  constructor(documents: Documents, onError: (error: unknown) => void) {
    this.#documents = documents;
    this.#onError = onError;
  }

  /** Reads what a former run has written. */
  async load(): Promise<void> {
    const documents = (await this.#documents.load()) as StackDocument[];
    documents.sort((a, b) => a.root.sequence - b.root.sequence);
    for (const { root, nested, events } of documents) {
      this.#families.set(root.id, {
        root,
        nested: new Map(nested.map((stack) => [stack.id, stack])),
        events,
      });
      for (const stack of [root, ...nested]) {
        this.#byId.set(stack.id, stack);
        this.#sequence = Math.max(this.#sequence, stack.sequence + 1);
      }
      if (root.deletedAt === null) this.#byName.set(nameKey(root.projectId, root.name), root);
      else this.#deleted.push(root.id);
      this.#listOf(root.projectId).push(root);
    }
  }

  /** An address that no floating address of any stack has. */
  freeAddress(): string {
    const used = new Set<unknown>();
    for (const { root, nested } of this.#families.values())
      for (const stack of [root, ...nested.values()])
        for (const record of stack.resources) used.add(record.data['address']);
    for (;;) {
      const address = randomAddress();
      if (!used.has(address)) return address;
    }
  }

  nextSequence(): number {
    return this.#sequence++;
  }

  add(stack: StackRecord): void {
    this.#byId.set(stack.id, stack);
    if (stack.parent !== null) {
      this.#families.get(stack.rootId)?.nested.set(stack.id, stack);
      return;
    }
    this.#families.set(stack.id, { root: stack, nested: new Map(), events: [] });
    this.#byName.set(nameKey(stack.projectId, stack.name), stack);
    this.#listOf(stack.projectId).push(stack);
  }

  /** Takes a nested stack out for good, or a root stack out of the names. */
  markDeleted(stack: StackRecord): void {
    if (stack.parent !== null) {
      this.#byId.delete(stack.id);
      this.#families.get(stack.rootId)?.nested.delete(stack.id);
      return;
    }
    this.#byName.delete(nameKey(stack.projectId, stack.name));
    this.#deleted.push(stack.id);
    while (this.#deleted.length > MOST_DELETED) this.#purge(this.#deleted.shift() as string);
  }

  byId(id: string): StackRecord | undefined {
    return this.#byId.get(id);
  }

  byName(projectId: string, name: string): StackRecord | undefined {
    return this.#byName.get(nameKey(projectId, name));
  }

  /** Root stacks of a project, oldest first, deleted ones included. */
  ofProject(projectId: string): readonly StackRecord[] {
    return this.#byProject.get(projectId) ?? [];
  }

  /** All root stacks, oldest first, deleted ones included. */
  roots(): StackRecord[] {
    return [...this.#families.values()].map((family) => family.root).sort((a, b) => a.sequence - b.sequence);
  }

  nestedOf(root: StackRecord): StackRecord[] {
    return [...(this.#families.get(root.rootId)?.nested.values() ?? [])];
  }

  /** Events of a root stack and all nested in it, oldest first. */
  eventsOf(stack: StackRecord): readonly EventRecord[] {
    return this.#families.get(stack.rootId)?.events ?? [];
  }

  addEvent(stack: StackRecord, event: EventRecord): void {
    const events = this.#families.get(stack.rootId)?.events;
    if (events === undefined) return;
    events.push(event);
    if (events.length > MOST_EVENTS) events.splice(0, events.length - MOST_EVENTS);
  }

  /** Calls a function whenever something of a stack has changed. */
  onTouched(listener: (stack: StackRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** Writes the stack's file soon. */
  touch(stack: StackRecord): void {
    const id = stack.rootId;
    for (const listener of this.#listeners) listener(stack);
    if (this.#dirty.has(id)) return;
    const timer = setTimeout(() => {
      this.#dirty.delete(id);
      this.save(stack).catch(this.#onError);
    }, WRITE_EVERY_MS);
    this.#dirty.set(id, timer);
  }

  /** Writes the stack's file; resolves when it is on disk. */
  save(stack: StackRecord): Promise<void> {
    clearTimeout(this.#dirty.get(stack.rootId));
    this.#dirty.delete(stack.rootId);
    const family = this.#families.get(stack.rootId);
    if (family === undefined) return Promise.resolve();
    return this.#documents.save(stack.rootId, (): StackDocument => ({
      root: family.root,
      nested: [...family.nested.values()],
      events: family.events,
    }));
  }

  /** Writes all that is waiting. */
  async close(): Promise<void> {
    const waiting = [...this.#dirty.keys()]
      .map((id) => this.#byId.get(id))
      .filter((stack) => stack !== undefined);
    await Promise.all(waiting.map((stack) => this.save(stack)));
    await this.#documents.settled();
  }

  #purge(id: string): void {
    const family = this.#families.get(id);
    if (family === undefined) return;
    this.#families.delete(id);
    this.#byId.delete(id);
    clearTimeout(this.#dirty.get(id));
    this.#dirty.delete(id);
    const list = this.#listOf(family.root.projectId);
    const index = list.indexOf(family.root);
    if (index >= 0) list.splice(index, 1);
    this.#documents.remove(id).catch(this.#onError);
  }

  #listOf(projectId: string): StackRecord[] {
    let list = this.#byProject.get(projectId);
    if (list === undefined) {
      list = [];
      this.#byProject.set(projectId, list);
    }
    return list;
  }
}

function nameKey(projectId: string, name: string): string {
  return `${projectId}/${name}`;
}
