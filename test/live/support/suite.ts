import assert from 'node:assert/strict';
import { Installation, type InstallationOptions } from './cetus.ts';
import type { CetusClient } from './client.ts';
import { Lab } from './lab.ts';

/** What the tests of a suite work with; there from its `before` on. */
export interface Live {
  lab: Lab;
  cetus: Installation;
  /** The user demo, at the first API process. */
  demo: CetusClient;
  /** The same user, at the second. */
  demoElsewhere: CetusClient;
}

type Options = Omit<InstallationOptions, 'lab'>;

/** A suite on an installation of its own. Whatever it does, no process logs an error, and no stack is left. */
export function live(
  title: string,
  define: (live: Live) => void,
  options: (live: Live) => Options | Promise<Options> = () => ({}),
): void {
  describe(title, function () {
    this.timeout(180_000);
    const parts = {} as Live;

    before('starts two APIs and two conductors', async function () {
      parts.lab = Lab.require(this);
      parts.cetus = await Installation.start(this, { lab: parts.lab, ...(await options(parts)) });
      parts.demo = parts.cetus.client(0);
      parts.demoElsewhere = parts.cetus.client(1);
    });

    define(parts);

    afterEach(function () {
      if (this.currentTest?.state === 'failed') process.stderr.write(`${parts.cetus.logs()}\n`);
    });

    after('ends them', async () => {
      const errors = parts.cetus?.errors() ?? [];
      await parts.cetus?.stop();
      assert.deepEqual(errors, [], 'a process logged an error');
    });
  });
}

/** A figure that a run found, for people; nothing depends on it. */
export function figure(text: string): void {
  process.stderr.write(`      · ${text}\n`);
}
