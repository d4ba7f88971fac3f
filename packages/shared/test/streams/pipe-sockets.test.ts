import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { MOST_WAITING_BYTES, pipeSockets } from '@cetus/shared/streams';
import { FakeSocket } from './fake-socket.ts';

describe('Two sockets that are one', () => {
  let one: FakeSocket;
  let other: FakeSocket;
  beforeEach(() => {
    [one, other] = [new FakeSocket(), new FakeSocket()];
  });

  it('give each other what they get, as it is', () => {
    pipeSockets(one, other);
    assert.deepEqual([one.isPaused, other.isPaused], [false, false]);
    one.emit('message', Buffer.from([0, 255]), true);
    other.emit('message', Buffer.from('text'), false);
    assert.deepEqual(other.take(), { data: Buffer.from([0, 255]), binary: true });
    assert.deepEqual(one.take(), { data: Buffer.from('text'), binary: false });
  });

  it('hold each other back', () => {
    pipeSockets(one, other);
    const message = Buffer.alloc(64 * 1024);
    let read = 0;
    while (!one.isPaused) {
      one.emit('message', message, true);
      read += message.length;
    }
    assert.ok(read <= MOST_WAITING_BYTES + message.length, `${String(read)} bytes were read`);
    assert.equal(other.isPaused, false, 'the other way is free');
    other.take();
    assert.equal(one.isPaused, true, 'one message less makes no room');
    while (other.take() !== undefined);
    assert.equal(one.isPaused, false);
  });

  it('end with each other, for the same reason', () => {
    pipeSockets(one, other);
    one.ended(4001, 'because');
    assert.deepEqual(other.closings, [[4001, 'because']]);
    // What still comes is for nobody.
    other.emit('message', Buffer.from('late'), false);
    assert.equal(one.take(), undefined);
  });

  it('end without a reason where none can be told', () => {
    for (const [code, told] of [
      [1005, undefined],
      [1006, 1014],
    ] as const) {
      [one, other] = [new FakeSocket(), new FakeSocket()];
      pipeSockets(one, other);
      one.pause();
      other.ended(code);
      assert.deepEqual(one.closings, [[told, undefined]]);
      assert.equal(one.isPaused, false, 'the answer to the close is read');
    }
  });

  it('end when nothing is said', async () => {
    pipeSockets(one, other, { idleMs: 5 });
    const closing = new Promise<void>((resolve) => {
      other.close = (code, reason) => {
        assert.deepEqual([code, reason], [1001, 'nothing was sent for too long']);
        resolve();
      };
    });
    await closing;
    assert.equal(one.closings[0]?.[0], 1001);
  });

  it('do not end the process with an error', async () => {
    pipeSockets(one, other);
    one.emit('error', new Error('reset'));
    const closed = once(one, 'close');
    one.ended(1006);
    await closed;
  });
});
