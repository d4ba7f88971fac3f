import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NONE, quantityText, readQuantity, sum } from '../../../src/kubernetes/types/exact-quantity.ts';

const canonical = (text: unknown): string | undefined => {
  const quantity = readQuantity(text);
  return quantity === undefined ? undefined : quantityText(quantity);
};

describe('exact quantities', () => {
  it('are written as Kubernetes writes them', () => {
    const cases: [unknown, string][] = [
      ['1000m', '1'],
      ['1500m', '1500m'],
      [0.5, '500m'],
      ['2000', '2k'],
      ['1024Mi', '1Gi'],
      ['1.5Gi', '1536Mi'],
      ['100Ki', '100Ki'],
      ['0.5Ki', '512'],
      ['0Gi', '0'],
      ['1e3', '1k'],
      ['-1000m', '-1'],
    ];
    for (const [text, written] of cases) assert.equal(canonical(text), written, JSON.stringify(text));
    for (const text of ['', 'x', '1 Gi', null, {}]) assert.equal(canonical(text), undefined);
  });

  it('are summed in the notation of the first that is not zero', () => {
    const add = (...texts: string[]): string =>
      quantityText(texts.map((text) => readQuantity(text) ?? NONE).reduce(sum, NONE));
    assert.equal(add('512Mi', '0.5Gi'), '1Gi');
    assert.equal(add('0', '100Mi', '1M'), '105857600');
    assert.equal(add('600m', '0.4'), '1');
  });

  it('say the same after they have been written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), fc.boolean(), (amount, isBinary) => {
        assert.equal(readQuantity(quantityText({ amount, isBinary }))?.amount, amount);
      }),
    );
  });
});
