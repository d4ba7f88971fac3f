import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  canonicalQuantity,
  compareQuantities,
  isSameQuantity,
  milliValue,
  parseQuantity,
  wholeValue,
} from '../../src/applications/index.ts';
import { Quantity } from '../../src/schemas/index.ts';

/** All that the schema takes. */
const quantity = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }),
    fc.option(fc.stringMatching(/^[0-9]{1,9}$/), { nil: undefined }),
    fc.constantFrom(
      '',
      'm',
      'k',
      'M',
      'G',
      'T',
      'P',
      'E',
      'Ki',
      'Mi',
      'Gi',
      'Ti',
      'Pi',
      'Ei',
      'e3',
      'E2',
      'e0',
    ),
  )
  .map(
    ([whole, fraction, suffix]) => `${String(whole)}${fraction === undefined ? '' : `.${fraction}`}${suffix}`,
  );

describe('quantities', () => {
  it('are read exactly, to a billionth', () => {
    const cases: [string, bigint][] = [
      ['0', 0n],
      ['1', 1_000_000_000n],
      ['500m', 500_000_000n],
      ['0.1', 100_000_000n],
      ['1.000000001', 1_000_000_001n],
      // Finer than that is more, not less.
      ['0.000000001m', 1n],
      ['1k', 1_000_000_000_000n],
      ['1Ki', 1_024_000_000_000n],
      ['0.5Gi', 536_870_912_000_000_000n],
      ['1e3', 1_000_000_000_000n],
      ['1.5E2', 150_000_000_000n],
      ['1E', 10n ** 27n],
      ['999999999999999999Ei', 999999999999999999n * 2n ** 60n * 10n ** 9n],
    ];
    for (const [text, nano] of cases) assert.equal(parseQuantity(text), nano, text);
  });

  it('are rounded up to what is counted', () => {
    assert.deepEqual([milliValue('0.0001'), milliValue('1.5'), milliValue('2')], [1n, 1500n, 2000n]);
    assert.deepEqual([wholeValue('1m'), wholeValue('1Mi'), wholeValue('0.5Ki')], [1n, 1_048_576n, 512n]);
  });

  it('are written as Kubernetes writes them', () => {
    const cases: [string, string][] = [
      ['1024Mi', '1Gi'],
      ['1536Mi', '1536Mi'],
      ['1.5Gi', '1536Mi'],
      ['0.5', '500m'],
      ['1000m', '1'],
      ['1500m', '1500m'],
      ['0.0001', '1m'],
      ['1000', '1k'],
      ['1500', '1500'],
      ['1000k', '1M'],
      ['128974848', '128974848'],
      ['129e6', '129e6'],
      ['129000e3', '129e6'],
      ['1e1', '10'],
      ['1000Ki', '1000Ki'],
      ['0.5Ki', '512'],
      ['1Ki', '1Ki'],
      ['0', '0'],
      ['0Mi', '0'],
      ['0.1Ki', '102400m'],
      ['0.001E2', '100e-3'],
    ];
    for (const [text, canonical] of cases) assert.equal(canonicalQuantity(text), canonical, text);
  });

  it('written so are as much as before, to a thousandth, and are written so again', () => {
    fc.assert(
      fc.property(quantity, (text) => {
        const canonical = canonicalQuantity(text);
        assert.equal(milliValue(canonical), milliValue(text));
        assert.equal(canonicalQuantity(canonical), canonical);
        if (canonical.length <= 20) assert.match(canonical, /^[0-9]+(m|k|M|G|T|P|E|[KMGTPE]i|e-?[0-9]+)?$/);
      }),
    );
  });

  it('are compared by how much they are', () => {
    assert.ok(compareQuantities('1Gi', '1G') > 0);
    assert.ok(compareQuantities('0.1', '100m') === 0);
    assert.ok(compareQuantities('999m', '1') < 0);
    fc.assert(
      fc.property(quantity, quantity, (a, b) => {
        // Without a minus for nothing.
        assert.equal(compareQuantities(a, b) + compareQuantities(b, a), 0);
        const difference = parseQuantity(a) - parseQuantity(b);
        assert.equal(Math.sign(compareQuantities(a, b)), difference === 0n ? 0 : difference > 0n ? 1 : -1);
      }),
    );
  });

  it('are everything that the schema takes, and nothing else is one', () => {
    const { pattern } = Quantity('') as { pattern?: string };
    assert.ok(pattern);
    const taken = new RegExp(pattern, 'u');
    fc.assert(
      fc.property(fc.oneof(quantity, fc.stringMatching(/^[0-9.eEKMGimk-]{1,8}$/)), (text) => {
        if (taken.test(text)) parseQuantity(text);
      }),
    );
    for (const text of ['', 'x', '1 Gi', '-1', '1KiB', '.', 'Ki', '1mi', '1,5'])
      assert.throws(() => parseQuantity(text), RangeError, text);
  });

  it('are the same amount however they are written, and nothing else is', () => {
    for (const [a, b] of [
      ['1', '1000m'],
      [2, '2'],
      [0.5, '500m'],
      ['1Gi', '1024Mi'],
      ['1e3', '1k'],
    ])
      assert.ok(isSameQuantity(a, b), `${String(a)} and ${String(b)}`);
    for (const [a, b] of [
      ['1', '1001m'],
      ['one', 'one'],
      [null, null],
      [{}, {}],
    ])
      assert.ok(!isSameQuantity(a, b), JSON.stringify([a, b]));
  });
});
