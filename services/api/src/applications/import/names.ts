import { APPLICATION_NAME } from '@cetus/shared/schemas';
import type { Place } from './report.ts';

/** Names that are all different, and such as Cetus takes. */
export class Names {
  private readonly taken = new Set<string>();
  private readonly maxLength: number;
  private readonly first: string;

  /** @param first what is put before a name that has no letter at its beginning; empty: it needs none */
  constructor(maxLength: number, first = '') {
    this.maxLength = maxLength;
    this.first = first;
  }

  /** The name that is most like the one that is wanted. */
  take(wanted: string): string {
    const name = this.slug(wanted);
    for (let count = 1; ; count += 1) {
      const end = count === 1 ? '' : `-${String(count)}`;
      const candidate = `${name.slice(0, this.maxLength - end.length).replace(/-+$/, '')}${end}`;
      if (this.taken.has(candidate)) continue;
      this.taken.add(candidate);
      return candidate;
    }
  }

  private slug(wanted: string): string {
    const plain = wanted
      .slice(0, 255)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+/, '');
    const named = this.first !== '' && !/^[a-z]/.test(plain) ? `${this.first}-${plain}` : plain;
    return named.slice(0, this.maxLength).replace(/-+$/, '') || 'x';
  }
}

/** The names of the applications of an import. */
export function applicationNames(): Names {
  return new Names(APPLICATION_NAME.maxLength, 'app');
}

/** Tells of a name that is not the one that others know. */
export function tellName(at: Place, before: string, name: string): void {
  if (before === name) return;
  at.changed(
    `The application is called ${name}: names are at most 40 small letters, digits and \`-\`, each
once. Others reach it by that name.`.replace(/\s+/g, ' '),
  );
}
