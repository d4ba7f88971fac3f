import assert from 'node:assert/strict';
import { KubernetesError } from '../src/errors.ts';
import { ServedApis } from '../src/served-apis.ts';
import { ApiServer, sendJson, status } from './support/api-server.ts';

/** What a cluster serves: kinds by group and version. */
type Served = Record<string, string[]>;

const OLD: Served = {
  'batch/v1': ['Job'],
  'batch/v1beta1': ['CronJob'],
  'autoscaling/v1': ['HorizontalPodAutoscaler'],
};
const NEW: Served = { 'batch/v1': ['Job', 'CronJob'], 'autoscaling/v2': ['HorizontalPodAutoscaler'] };

describe('ServedApis', () => {
  let api: ApiServer;
  let served: Served;
  beforeEach(async () => {
    api = await new ApiServer().start();
    served = OLD;
    api.answer = (request, response) => {
      const path = (request.url ?? '').replace('/base', '');
      if (path === '/version') return sendJson(response, 200, { major: '1', minor: '20+' });
      if (path === '/apis') {
        const versions = Object.keys(served).map((groupVersion) => ({ groupVersion }));
        return sendJson(response, 200, { groups: [{ name: 'all', versions }] });
      }
      const kinds = served[path.replace('/apis/', '')];
      if (kinds === undefined) return sendJson(response, 404, status(404, 'NotFound', 'no such page'));
      const resources = kinds.map((kind) => ({
        name: `${kind.toLowerCase()}s`,
        kind,
        namespaced: true,
        verbs: [],
      }));
      return sendJson(response, 200, { resources });
    };
  });
  afterEach(() => api.close());

  it('takes the version that is wanted most of those with the kind', async () => {
    const apis = new ServedApis(api.connect());
    assert.equal(await apis.apiVersionOf('CronJob'), 'batch/v1beta1');
    assert.equal(await apis.apiVersionOf('Job'), 'batch/v1');
    assert.equal(await apis.apiVersionOf('HorizontalPodAutoscaler'), 'autoscaling/v1');
    assert.equal(await apis.apiVersionOf('Ingress'), undefined);
    assert.equal(await apis.apiVersionOf('Pod'), undefined);
    assert.equal(await apis.minor(), 20);
  });

  it('asks once, until it is told to forget', async () => {
    const apis = new ServedApis(api.connect());
    await apis.apiVersionOf('CronJob');
    await apis.minor();
    const asked = api.requests.length;
    await apis.apiVersionOf('CronJob');
    await apis.apiVersionOf('Job');
    await apis.minor();
    assert.equal(api.requests.length, asked, api.requests.join());
    served = NEW;
    assert.equal(await apis.apiVersionOf('CronJob'), 'batch/v1beta1');
    apis.forget();
    assert.equal(await apis.apiVersionOf('CronJob'), 'batch/v1');
    assert.equal(await apis.apiVersionOf('HorizontalPodAutoscaler'), 'autoscaling/v2');
  });

  it('does not take what it could not read for what is not served', async () => {
    const apis = new ServedApis(api.connect());
    const answer = api.answer;
    api.answer = (_request, response) => sendJson(response, 503, status(503, 'ServiceUnavailable', 'later'));
    await assert.rejects(apis.apiVersionOf('CronJob'), KubernetesError);
    await assert.rejects(apis.minor(), KubernetesError);
    api.answer = answer;
    assert.equal(await apis.apiVersionOf('CronJob'), 'batch/v1beta1');
    assert.equal(await apis.minor(), 20);
  });
});
