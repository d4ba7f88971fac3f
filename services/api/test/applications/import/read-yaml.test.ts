import { strict as assert } from 'node:assert';
import { CetusError } from '@cetus/shared/errors';
import { readYaml } from '../../../src/applications/import/read-yaml.ts';

/** What a text is refused with. */
function refusal(text: string): string {
  try {
    readYaml(text);
  } catch (error) {
    assert.ok(error instanceof CetusError, String(error));
    assert.deepEqual([error.code, error.field], ['invalid_field', 'content']);
    return error.message;
  }
  return assert.fail('it was not refused');
}

describe('import: YAML', () => {
  it('is read with its anchors and merges, and JSON as a part of it', () => {
    const [value] = readYaml(
      'a: &a {x: 1, y: [2]}\nb: {<<: *a, x: 3}\nc: {<<: [{z: 1}, *a, {z: 2}]}\nd: *a',
    ).documents;
    assert.deepEqual(value, {
      a: { x: 1, y: [2] },
      b: { x: 3, y: [2] },
      c: { z: 1, x: 1, y: [2] },
      d: { x: 1, y: [2] },
    });
    assert.deepEqual(readYaml('{"a": [1, "b", null, true, 1.5]}').documents, [
      { a: [1, 'b', null, true, 1.5] },
    ]);
    assert.deepEqual(readYaml('---\n---\na: 1\n---\n').documents, [{ a: 1 }]);
    assert.deepEqual(readYaml('').documents, []);
  });

  it('keeps what would not be the same as a number, and has the words of version 1.2', () => {
    assert.deepEqual(readYaml('[no, on, 0777, 22:22, 2024-01-01, 123456789012345678, .inf, ~]').documents, [
      ['no', 'on', 777, '22:22', '2024-01-01', '123456789012345678', '.inf', null],
    ]);
  });

  it('cannot reach a prototype', () => {
    const [value] = readYaml('__proto__: {polluted: 1}\nb: {<<: {__proto__: {polluted: 1}}}').documents;
    assert.ok(Object.hasOwn(value as object, '__proto__'));
    assert.equal((value as { polluted?: number }).polluted, undefined);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  it('is refused with the line, and without its text, when it is none', () => {
    const secret = 'never-to-be-told';
    const cases: [string, RegExp][] = [
      [`a: 1\nb: "${secret}\n`, /is not YAML: .* in line \d/],
      [`a:\n\t- ${secret}`, /in line 2/],
      [`a: 1\nb: [${secret}`, /in line \d/],
      [`${secret}: 1\n${secret}: 2`, /second time in line 2/],
      [`a: *${secret}`, /in line 1/],
      [`? {a: 1}\n: ${secret}`, /no text in line 1/],
      [`a: 1\n<<: ${secret}`, /merges/],
      ['a: &a [*a]', /in line 1/],
      [`${'['.repeat(200)}`, /too deeply in line 1/],
      [`${'- '.repeat(200)}a`, /too deeply/],
      [`${'{a: '.repeat(100)}`, /too deeply/],
    ];
    for (const [text, expected] of cases) {
      const message = refusal(text);
      assert.match(message, expected, text.slice(0, 50));
      assert.ok(!message.includes(secret), message);
    }
  });

  it('does not grow by its aliases without bound', () => {
    const bomb = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 10; i += 1)
      bomb.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    assert.match(refusal(bomb.join('\n')), /values, with those of aliases/);
    const merges = `a: &a {${Array.from({ length: 1_000 }, (_, i) => `k${i}: 1`).join(', ')}}\n`;
    assert.match(
      refusal(merges + Array.from({ length: 100 }, (_, i) => `m${i}: {<<: *a}`).join('\n')),
      /values, with those of aliases/,
    );
    const long = `a: &a "${'x'.repeat(100_000)}"\nb: [${Array(100).fill('*a').join(', ')}]`;
    assert.match(refusal(long), /characters, with those of aliases/);
    assert.match(refusal(`[${'1,'.repeat(60_000)}]`), /values/);
    assert.match(refusal(`[${','.repeat(500_000)}]`), /values|YAML/);
  });

  it('tells in which lines tags have no meaning', () => {
    assert.deepEqual(readYaml('a: 1\nb: !reset null').unknownTags, [2]);
  });
});
