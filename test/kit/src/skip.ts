/** The part of mocha's context that is needed here: `this` in a test or hook. */
export interface SkippableContext {
  skip(): never;
  test?: { fullTitle(): string } | undefined;
}

const skipped = new Map<string, number>();

/**
 * Goes on when the condition holds, else skips the test, or in a `before` the whole suite, and counts it: the reasons are
 * printed when the run ends, so that nobody takes a skipped test for a passed one. With CETUS_TEST_NO_SKIP=1 it fails instead.
 */
export function requireOrSkip(
  context: SkippableContext,
  condition: unknown,
  reason: string,
): asserts condition {
  if (condition) return;
  if (process.env.CETUS_TEST_NO_SKIP === '1') throw new Error(`must not be skipped here: ${reason}`);
  if (skipped.size === 0) process.once('exit', report);
  skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  context.skip();
}

/** How many tests and suites were skipped so far, by reason. */
export function skips(): ReadonlyMap<string, number> {
  return skipped;
}

function report(): void {
  const total = [...skipped.values()].reduce((sum, n) => sum + n, 0);
  const lines = [...skipped].map(([reason, n]) => `  ${n} x ${reason}\n`);
  process.stderr.write(`\nSKIPPED ${total} (tests or whole suites):\n${lines.join('')}`);
}
