import assert from 'node:assert/strict';
import { MERGE_PATCH } from '../../src/connection.ts';
import { kubernetesContract, refusal, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('deletion', (bench) => {
  const maps = (): string => bench.path('configmaps');
  const make = (metadata: object = {}): Promise<Thing> =>
    bench.post(maps(), { metadata: { name: uniqueName('map'), ...metadata } });
  const at = ({ metadata }: Thing): string => `${maps()}/${metadata.name}`;
  const ownedBy = (owner: Thing, more: object = {}): object => ({
    ownerReferences: [
      { apiVersion: 'v1', kind: 'ConfigMap', name: owner.metadata.name, uid: owner.metadata.uid, ...more },
    ],
  });

  it('waits until the last finalizer is gone', async () => {
    const made = await make({ finalizers: ['example.org/one', 'example.org/two'] });
    const said = await bench.delete(at(made));
    // The object, not a Status: it is still there.
    assert.equal(said.kind, 'ConfigMap');
    const deleting = await bench.get(at(made));
    assert.match(String(deleting.metadata.deletionTimestamp), /^\d{4}-/);
    assert.equal(deleting.metadata.deletionGracePeriodSeconds, 0);
    const merge = { type: MERGE_PATCH };
    await refusal(
      bench.patch(at(made), { metadata: { finalizers: ['example.org/three'] } }, merge),
      422,
      'Invalid',
    );
    await bench.patch(at(made), { metadata: { finalizers: ['example.org/two'] } }, merge);
    await bench.delete(at(made));
    await bench.patch(at(made), { metadata: { finalizers: null } }, merge);
    await refusal(bench.get(at(made)), 404, 'NotFound');
  });

  it('takes the dependents along, afterwards', async () => {
    const owner = await make();
    const dependent = await make(ownedBy(owner));
    await bench.delete(at(owner), { propagationPolicy: 'Background' });
    await refusal(bench.get(at(owner)), 404, 'NotFound');
    await bench.gone(at(dependent));
  });

  it('takes the dependents along first, where that is asked for', async () => {
    const owner = await make();
    const dependent = await make({
      ...ownedBy(owner, { blockOwnerDeletion: true }),
      finalizers: ['example.org/hold'],
    });
    await bench.delete(at(owner), { propagationPolicy: 'Foreground' });
    const waiting = await bench.get(at(owner));
    assert.deepEqual(waiting.metadata.finalizers, ['foregroundDeletion']);
    await bench.until(at(dependent), ({ metadata }) => metadata.deletionTimestamp !== undefined);
    await bench.patch(at(dependent), { metadata: { finalizers: null } }, { type: MERGE_PATCH });
    await bench.gone(at(owner));
  });

  it('leaves the dependents as orphans, where that is asked for', async () => {
    const owner = await make();
    const dependent = await make(ownedBy(owner));
    await bench.delete(at(owner), { propagationPolicy: 'Orphan' });
    await bench.gone(at(owner));
    const orphan = await bench.get(at(dependent));
    assert.deepEqual(orphan.metadata.ownerReferences ?? [], []);
  });

  it('comes to whoever depends on nobody', async () => {
    const owner = await make();
    await bench.delete(at(owner));
    await bench.gone(at(await make(ownedBy(owner))));
  });

  it('of a namespace takes all that is in it', async () => {
    const name = uniqueName('contract');
    const path = `/api/v1/namespaces/${name}`;
    await bench.post('/api/v1/namespaces', { metadata: { name } });
    const held = await bench.post(`${path}/configmaps`, {
      metadata: { name: 'held', finalizers: ['example.org/hold'] },
    });
    const said = await bench.delete(path);
    assert.equal(said['status'].phase, 'Terminating');
    const error = await refusal(
      bench.post(`${path}/configmaps`, { metadata: { name: 'late' } }),
      403,
      'Forbidden',
    );
    assert.deepEqual(
      error.details?.causes?.map(({ reason }) => reason),
      ['NamespaceTerminating'],
    );
    const blocked = await bench.until(path, (namespace) =>
      namespace['status'].conditions?.some(
        ({ type, status }: { type: string; status: string }) =>
          type === 'NamespaceFinalizersRemaining' && status === 'True',
      ),
    );
    const condition = blocked['status'].conditions.find(
      ({ type }: { type: string }) => type === 'NamespaceFinalizersRemaining',
    );
    assert.match(condition.message, /example\.org\/hold/);
    await bench.patch(
      `${path}/configmaps/${held.metadata.name}`,
      { metadata: { finalizers: null } },
      { type: MERGE_PATCH },
    );
    await bench.gone(path);
  });
});
