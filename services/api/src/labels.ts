/** Labels as they are kept: numbers and booleans become what Magnum (Python) writes for them. */
export function toLabels(
  requested: Readonly<Record<string, string | number | boolean>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(requested).map(([key, value]) => [
      key,
      typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value),
    ]),
  );
}

/** What counts. As in Magnum: no labels, or an empty map, means those of the template (or, for a node group, of the cluster). */
export function effectiveLabels(
  inherited: Record<string, string>,
  requested: Record<string, string> | null,
  merge: boolean,
): Record<string, string> {
  if (requested === null || Object.keys(requested).length === 0) return inherited;
  return merge ? { ...inherited, ...requested } : requested;
}

/** How the labels of a cluster differ from its template's, as Magnum shows it. */
export function labelDifference(
  template: Readonly<Record<string, string>>,
  cluster: Readonly<Record<string, string>>,
) {
  const overridden: Record<string, string> = {};
  const added: Record<string, string> = {};
  const skipped: Record<string, string> = {};
  for (const [key, value] of Object.entries(cluster)) {
    if (!Object.hasOwn(template, key)) added[key] = value;
    else if (template[key] !== value) overridden[key] = template[key] as string;
  }
  for (const [key, value] of Object.entries(template)) {
    if (!Object.hasOwn(cluster, key)) skipped[key] = value;
  }
  return { overridden, added, skipped };
}

const ENTRY =
  /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(,|$)/y;

/**
 * Reads `{'key': 'value'}`: python-magnumclient sends labels in a patch as Python prints a dictionary. Undefined when the text is
 * something else.
 */
export function parsePythonDictionary(text: string): Record<string, string> | undefined {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const labels: Record<string, string> = {};
  if (inner.trim() === '') return labels;
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < inner.length) {
    const match = ENTRY.exec(inner);
    if (match === null) return undefined;
    const key = unescape(match[1] ?? match[2] ?? '');
    Object.defineProperty(labels, key, {
      value: unescape(match[3] ?? match[4] ?? ''),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return labels;
}

function unescape(text: string): string {
  return text.replace(/\\(['"\\])/g, '$1');
}
