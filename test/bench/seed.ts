import { randomUUID } from 'node:crypto';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { Db } from 'mongodb';

const BATCH = 2_000;

/** Copies of a cluster under names and uuids of their own, with nothing going on in them. */
export async function seedClusters(db: Db, example: StoredCluster, count: number): Promise<void> {
  for (let made = 0; made < count; made += BATCH) {
    const documents = Array.from({ length: Math.min(BATCH, count - made) }, (_empty, i): StoredCluster => {
      const _id = randomUUID();
      const { idempotency: _key, ...rest } = example;
      return {
        ...rest,
        _id,
        name: `seed-${made + i}`,
        // Without a kubeconfig nobody follows it.
        status: { ...example.status, state: 'CREATE_COMPLETE', stack_id: randomUUID(), kubeconfig: null },
        health: null,
        follow: null,
        operation:
          example.operation === null ? null : { ...example.operation, uuid: randomUUID(), state: 'COMPLETE' },
        pending_events: [],
        next_attempt_at: null,
      };
    });
    await db.collection<StoredCluster>('clusters').insertMany(documents, { ordered: false });
  }
}
