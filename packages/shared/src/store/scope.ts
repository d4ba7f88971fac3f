import type { Filter } from 'mongodb';
import type { StoredObject } from '../schemas/object.ts';

/** Whose objects a request may see. Every method that request code can call takes one. */
export type Scope = { kind: 'project'; projectId: string } | { kind: 'all' };

/**
 * The scope of a caller: its project, or everything for an administrator who asks for it (checked where the role is known).
 */
export function scopeOf(caller: { projectId: string }, options: { allProjects?: boolean } = {}): Scope {
  return options.allProjects === true ? { kind: 'all' } : { kind: 'project', projectId: caller.projectId };
}

/** The filter of what a scope may change. */
export function ownedBy(scope: Scope): Filter<StoredObject> {
  return scope.kind === 'all' ? {} : { project_id: scope.projectId };
}

/** The filter of what a scope may read, of a kind of which some objects are for others, too. */
export function visibleTo<T extends StoredObject>(
  scope: Scope,
  { alsoVisible }: { alsoVisible?: (scope: Scope & { kind: 'project' }) => Filter<T> },
): Filter<T> {
  const owned = ownedBy(scope) as Filter<T>;
  if (scope.kind === 'all' || alsoVisible === undefined) return owned;
  return { $or: [owned, alsoVisible(scope)] } as Filter<T>;
}
