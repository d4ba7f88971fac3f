import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { keepAlive } from '@cetus/shared/streams';
import { FakeSocket } from './fake-socket.ts';

describe('The heartbeat of a socket', () => {
  it('ends a socket whose peer is silent', async () => {
    const socket = new FakeSocket();
    socket.resume();
    keepAlive(socket, { intervalMs: 2, patienceMs: 10 });
    assert.equal((await once(socket, 'close'))[0], 1006);
    assert.ok(socket.pings > 0);
  });

  it('keeps one whose peer answers, and one that is not read', async () => {
    const [answering, paused] = [new FakeSocket(), new FakeSocket()];
    answering.resume();
    answering.ping = () => void answering.emit('pong');
    for (const one of [answering, paused]) keepAlive(one, { intervalMs: 2, patienceMs: 20 });
    // As long as somebody else needs to be given up, three times.
    for (let round = 0; round < 3; round += 1) {
      const other = new FakeSocket();
      other.resume();
      keepAlive(other, { intervalMs: 2, patienceMs: 20 });
      await once(other, 'close');
    }
    assert.deepEqual([answering.readyState, paused.readyState], [1, 1]);
    for (const one of [answering, paused]) one.ended(1000);
  });
});
