import assert from 'node:assert/strict';
import { TicketBook } from '../../src/streams/ticket-book.ts';

describe('TicketBook', () => {
  it('takes a ticket once', () => {
    const forgotten: string[] = [];
    const book = new TicketBook<string>(60_000, (value) => forgotten.push(value));
    const { token, expiresAt } = book.issue('a');
    assert.match(token, /^[\w-]{43}$/);
    assert.ok(expiresAt.getTime() > Date.now());
    assert.notEqual(book.issue('b').token, token);
    assert.equal(book.redeem(`${token.slice(0, -1)}_`), undefined);
    assert.equal(book.redeem(token), 'a');
    assert.equal(book.redeem(token), undefined);
    assert.deepEqual([book.size, forgotten], [1, []]);
    book.close();
    assert.deepEqual(forgotten, ['b']);
  });

  it('forgets those that nobody used in time, and tells of each once', async () => {
    const forgotten: string[] = [];
    let told: (() => void) | undefined;
    const all = new Promise<void>((resolve) => (told = resolve));
    const book = new TicketBook<string>(5, (value) => {
      forgotten.push(value);
      if (forgotten.length === 3) told?.();
    });
    const tokens = ['a', 'b', 'c'].map((value) => book.issue(value).token);
    await all;
    assert.deepEqual([forgotten, book.size], [['a', 'b', 'c'], 0]);
    for (const token of tokens) assert.equal(book.redeem(token), undefined);
    assert.equal(forgotten.length, 3);
  });

  it('does not take one that is too old, though it was not swept yet', () => {
    const forgotten: string[] = [];
    const book = new TicketBook<string>(0, (value) => forgotten.push(value));
    assert.equal(book.redeem(book.issue('a').token), undefined);
    assert.deepEqual(forgotten, ['a']);
    book.issue('b');
    book.close();
    assert.deepEqual([forgotten, book.size], [['a', 'b'], 0]);
  });
});
