import { readFile, rename, writeFile } from 'node:fs/promises';

interface Behaviour {
  wait_secs?: number;
  /** The message of the failure. */
  fail?: string;
  /** The class of the exception, as the real service's client would raise it. */
  as?: string;
}

type Plans = Record<string, { create?: Behaviour; update?: Behaviour; delete?: Behaviour }>;

/**
 * Tells the lab's Heat how resources behave, by their names. The file may be shared with others: only the keys that were set here are
 * taken out again.
 */
export class HeatControl {
  private readonly file: string;
  private readonly mine = new Set<string>();

  constructor(file: string) {
    this.file = file;
  }

  async set(resource: string, plan: Plans[string]): Promise<void> {
    const key = `name:${resource}`;
    this.mine.add(key);
    await this.change((plans) => ({ ...plans, [key]: plan }));
  }

  async restore(): Promise<void> {
    if (this.mine.size === 0) return;
    await this.change((plans) =>
      Object.fromEntries(Object.entries(plans).filter(([key]) => !this.mine.has(key))),
    );
    this.mine.clear();
  }

  private async change(edit: (plans: Plans) => Plans): Promise<void> {
    const plans = JSON.parse(await readFile(this.file, 'utf8')) as Plans;
    // Heat reads it at every action, so it is never half written.
    await writeFile(`${this.file}.new`, JSON.stringify(edit(plans)));
    await rename(`${this.file}.new`, this.file);
  }
}
