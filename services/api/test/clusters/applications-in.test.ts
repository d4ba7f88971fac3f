import { strict as assert } from 'node:assert';
import type { StoredCluster } from '@cetus/shared/schemas';
import { errorOf, expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

describe('api: deleting a cluster that applications are in', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi();
  });
  after(() => api.close());

  const remove = (name: string, query = '') =>
    api.request({ method: 'DELETE', url: `/v1/clusters/${name}${query}`, token: 'member' });
  const deploy = async (name: string, cluster: string): Promise<void> => {
    const payload = {
      name,
      kind: 'stateless',
      placements: [{ cluster }],
      containers: [{ name: 'web', image: 'nginx:1.27' }],
    };
    const answer = await api.request({ method: 'POST', url: '/v1/applications', payload, token: 'member' });
    assert.equal(answer.statusCode, 202, answer.body);
  };

  it('is refused where the cluster, and they, would go on without Cetus', async () => {
    const uuid = await api.cluster({ name: 'theirs' });
    await api.store.db
      .collection<StoredCluster>('clusters')
      .updateOne({ _id: uuid }, { $set: { 'spec.imported': { server: 'https://10.0.0.1:6443' } } });
    await deploy('stays', 'theirs');
    const refused = await remove('theirs');
    expectError(refused, 409, 'in_use');
    assert.match(errorOf(refused).detail, /stays/);
    assert.equal((await remove('theirs', '?force=true')).statusCode, 204);
  });

  it('takes them with it where the cluster ends', async () => {
    await api.cluster({ name: 'ours' });
    await deploy('goes', 'ours');
    assert.equal((await remove('ours')).statusCode, 204);
  });
});
