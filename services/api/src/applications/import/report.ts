import type { ImportReportItem, ImportSeverity } from '@cetus/shared/schemas';

/** More than anybody reads; what is left out is counted. */
const MAX_ITEMS = 2_000;
/** Characters of a path: its parts are what somebody else made up. */
const MAX_PATH = 200;

/** What could not be carried over as it was. It quotes no values: any of them may be a secret. */
export class ImportReport {
  private readonly found = new Map<string, ImportReportItem>();
  private more = 0;

  add(item: ImportReportItem): void {
    const key = JSON.stringify(item);
    if (this.found.has(key)) return;
    if (this.found.size < MAX_ITEMS) this.found.set(key, item);
    else this.more += 1;
  }

  get items(): ImportReportItem[] {
    const items = [...this.found.values()];
    if (this.more === 0) return items;
    const message = `${String(this.more)} more things are not carried over as they were.`;
    return [...items, { source: 'content', path: '', severity: 'lost', message }];
  }
}

/** A place in what is imported, where things can be told of. */
export class Place {
  readonly source: string;
  private readonly report: ImportReport;
  private readonly segments: readonly (string | number)[];

  constructor(report: ImportReport, source: string, segments: readonly (string | number)[] = []) {
    this.report = report;
    this.source = bounded(source);
    this.segments = segments;
  }

  in(...segments: (string | number)[]): Place {
    return new Place(this.report, this.source, [...this.segments, ...segments]);
  }

  /** With slashes, as in a JSON Pointer without the leading one. */
  get path(): string {
    return bounded(
      this.segments.map((one) => String(one).replaceAll('~', '~0').replaceAll('/', '~1')).join('/'),
    );
  }

  /** It is not carried over. @param message a sentence that quotes no value */
  lost(message: string): void {
    this.say('lost', message);
  }

  /** It is carried over as something else. */
  changed(message: string): void {
    this.say('changed', message);
  }

  /** Worth knowing, nothing more. */
  note(message: string): void {
    this.say('note', message);
  }

  say(severity: ImportSeverity, message: string): void {
    this.report.add({ source: this.source, path: this.path, severity, message });
  }
}

function bounded(text: string): string {
  // Half of a pair has no form in UTF-8.
  const formed = text.toWellFormed();
  return formed.length > MAX_PATH ? `${formed.slice(0, MAX_PATH).toWellFormed()}…` : formed;
}
