import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { busContract } from './bus-contract.ts';
import { notification } from './harness.ts';
import { Inbox } from './inbox.ts';

busContract('notifications', (on) => {
  it('gives notifications to every subscriber whose pattern matches, in the order of publishing', async () => {
    const word = randomUUID().slice(0, 8);
    const [all, ends, exact] = [new Inbox<string>(), new Inbox<string>(), new Inbox<string>()];
    const other = await on.harness.join();
    const subscriptions = await Promise.all([
      on.bus.subscribeNotifications(`${word}.#`, (_event, key) => all.add(key)),
      other.subscribeNotifications(`${word}.*.end`, (_event, key) => ends.add(key)),
      other.subscribeNotifications(`${word}.create.start`, (event) => exact.add(event.id)),
    ]);
    const keys = ['create.start', 'create.end', 'update.start', 'update.error', 'delete.end'].map(
      (key) => `${word}.${key}`,
    );
    const events = keys.map((_key, index) => notification(word, index + 1));
    for (const [index, key] of keys.entries()) await on.bus.publishNotification(key, events[index] as never);
    assert.deepEqual(await all.take(5), keys);
    assert.deepEqual(await ends.take(2), [`${word}.create.end`, `${word}.delete.end`]);
    assert.deepEqual(await exact.take(1), [`${word}/1`]);
    await Promise.all(subscriptions.map((subscription) => subscription.close()));
    assert.equal(exact.items.length, 1);
  });

  it('hands a notification over whole, and goes on after a subscriber that throws', async () => {
    const word = randomUUID().slice(0, 8);
    const inbox = new Inbox<unknown>();
    const subscription = await on.bus.subscribeNotifications(`${word}.#`, (event) => {
      inbox.add(event);
      if (inbox.items.length === 1) throw new Error('a mistake of the subscriber');
    });
    const events = [notification(word, 1), notification(word, 2)];
    for (const event of events) await on.bus.publishNotification(`${word}.create.start`, event);
    assert.deepEqual(await inbox.take(2), events);
    assert.ok(on.harness.problems.some((problem) => problem.includes(word)));
    await subscription.close();
  });

  it('tells a closed subscriber nothing more', async () => {
    const word = randomUUID().slice(0, 8);
    const [closed, open] = [new Inbox<string>(), new Inbox<string>()];
    const first = await on.bus.subscribeNotifications(`${word}.#`, (event) => closed.add(event.id));
    const second = await on.bus.subscribeNotifications(`${word}.#`, (event) => open.add(event.id));
    await first.close();
    await on.bus.publishNotification(`${word}.a.b`, notification(word, 1));
    await open.take(1);
    await second.close();
    assert.deepEqual(closed.items, []);
  });
});
