import assert from 'node:assert/strict';
import { createSigningRequest } from '@cetus/shared/pki';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { ReferenceProblem } from '../../../../src/cluster/cluster-driver.ts';
import { ImportDriver } from '../../../../src/cluster/drivers/import/driver.ts';
import { sealKubeconfig } from '../../../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { storedCluster } from '../../stored-cluster.ts';
import {
  context,
  fakeCluster,
  kubeconfigOf,
  secrets,
  type Answers,
  type FakeCluster,
  type Reply,
} from './support.ts';

/** RSA of 512 bits, in base64. */
const WEAK = {
  certificate:
    'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJjVENDQVJ1Z0F3SUJBZ0lVSnU2b05SMnpsZnJPMmJkTlZEUEowekpUK0xv' +
    'd0RRWUpLb1pJaHZjTkFRRUwKQlFBd0RERUtNQWdHQTFVRUF3d0JlREFnRncweU5qRXhNakV4TlRNMk1qWmFHQTh5TVRJMk1UQXlP' +
    'REUxTXpZeQpObG93RERFS01BZ0dBMVVFQXd3QmVEQmNNQTBHQ1NxR1NJYjNEUUVCQVFVQUEwc0FNRWdDUVFDbGE0RFM4QnJuCjdQ' +
    'TktVbVFFZ2k3YUFrK25QRFJjMm1XcUhMRXIvc050UXFuWjVMZXpZNjlQVFVSZWRKMjNsNTJXQVd5TzJNQzgKK2xNM3ByUXFqWmlK' +
    'QWdNQkFBR2pVekJSTUIwR0ExVWREZ1FXQkJSV21qMlZDKzhQemxXSzIrRkdqd2JsMUVTZQp6VEFmQmdOVkhTTUVHREFXZ0JSV21q' +
    'MlZDKzhQemxXSzIrRkdqd2JsMUVTZXpUQVBCZ05WSFJNQkFmOEVCVEFECkFRSC9NQTBHQ1NxR1NJYjNEUUVCQ3dVQUEwRUFOVTVD' +
    'clZwYVpLSkFaZk5LK3VCZDBYZ25sbngyZnppb0VJU1EKSk9PUUptL1h0SWhRUG5va0ZkdUx2WFV1eHFsT0s1Y3dQSXpkTWM5QTFp' +
    'QkYrNDJTSFE9PQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==',
  key:
    'LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUJWUUlCQURBTkJna3Foa2lHOXcwQkFRRUZBQVNDQVQ4d2dnRTdBZ0VBQWtF' +
    'QXBXdUEwdkFhNSt6elNsSmsKQklJdTJnSlBwencwWE5wbHFoeXhLLzdEYlVLcDJlUzNzMk92VDAxRVhuU2R0NWVkbGdGc2p0akF2' +
    'UHBUTjZhMApLbzJZaVFJREFRQUJBa0VBaFNlZUVTMzVXb3VmNDBtaS9RWVYxS05ibnRDVmpkQzNXVkd6UkNqVkF0TUZDK1ZOCjhK' +
    'UFhUKzAxVEF2aWhINFUzNS9UWFJVZXkyd25OYmowNGRzK1NRSWhBTlQ0cE53Mi9DWFlaQ2p2Y0RERjdmZVoKMjFzQzhOcitjcjVX' +
    'MmMycGUwMURBaUVBeHRkbGtGRnBGS2F3RjNCSzdFdjRBTnU0TUVuMGc5ekczaGl4Y05uZwpJRU1DSUMzc2dBQk1pd3JPSXFzQkZy' +
    'd3RzaWJXTW9ycGsyNWx0L0I3WWZRTE85OXBBaUEzdkRTcHlVZ05FOVFVCkhkUENmR0RkekxqS1FGQ2JqWXpvd0Q4c2hNWEFCUUlo' +
    'QUk2aVFPRnVTU29haVRDdER3THoxRjZQUDlFVGxvUnEKN1pHaFNzbWc5RzNFCi0tLS0tRU5EIFBSSVZBVEUgS0VZLS0tLS0K',
};

/** A cluster without nodes that allows everything and signs nothing. */
const empty: Answers = ({ method, path }) => {
  const answers: Record<string, unknown> = {
    'GET /version': { gitVersion: 'v1.33.2' },
    'GET /api/v1/namespaces/kube-system': { metadata: { uid: 'u1' } },
    'GET /api/v1/nodes': { metadata: {}, items: [] },
    'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews': { status: { allowed: true } },
  };
  const body = answers[`${method} ${path.replace(/\?.*/, '')}`];
  return body === undefined ? { status: 404, body: { kind: 'Status', reason: 'NotFound' } } : { body };
};

describe('the import driver refuses', () => {
  const driver = new ImportDriver({ secrets, signTimeoutMs: 300 });
  const problemsOf = async (kubeconfig: string, using?: string): Promise<ReferenceProblem[]> => {
    const imported = { clusterId: 'c', kubeconfig, context: using };
    const question = { projectId: 'p', userId: 'u', references: {}, imported };
    return (await driver.check(question, context.signal)).problems;
  };
  const started: { close(): Promise<void> }[] = [];
  const start = async (answers: Answers): Promise<FakeCluster> => {
    const fake = await fakeCluster(answers);
    started.push(fake);
    return fake;
  };
  const importedAs = (kubeconfig: string): StoredCluster => {
    const cluster = storedCluster({ spec: { driver: 'import' } });
    const sealed = sealKubeconfig(secrets, cluster._id, kubeconfig);
    return { ...cluster, status: { ...cluster.status, kubeconfig: sealed } };
  };

  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.close()));
  });

  it('kubeconfigs that would run programs or read files, before anything is asked', async () => {
    const { kubeconfig, requests, server, authority } = await start(empty);
    assert.deepEqual(await problemsOf(kubeconfig), []);
    const asked = requests.length;
    const users = {
      exec: { exec: { command: 'id', apiVersion: 'client.authentication.k8s.io/v1' } },
      'auth-provider': { 'auth-provider': { name: 'oidc' } },
      tokenFile: { tokenFile: '/etc/passwd' },
      'client-key': { 'client-certificate': '/a', 'client-key': '/b' },
    };
    for (const [field, user] of Object.entries(users)) {
      const [problem] = await problemsOf(kubeconfigOf(server, authority, user));
      assert.equal(problem?.code, 'invalid_field', field);
      assert.match(problem.field, /^kubeconfig\/users\/0\/user\//);
    }
    const [unknown] = await problemsOf(kubeconfig, 'elsewhere');
    assert.match(unknown?.detail ?? '', /no context named "elsewhere"/);
    assert.equal(requests.length, asked);
  });

  it('a client certificate that TLS does not take', async () => {
    const { server, authority, requests } = await start(empty);
    const user = { 'client-certificate-data': WEAK.certificate, 'client-key-data': WEAK.key };
    const [problem] = await problemsOf(kubeconfigOf(server, authority, user));
    assert.equal(problem?.code, 'invalid_field');
    assert.match(problem.detail, /certificates of the kubeconfig cannot be used: .*key too small/);
    assert.deepEqual(requests, []);
  });

  it('to make clusters', async () => {
    const question = { projectId: 'p', userId: 'u', references: {}, spec: storedCluster().spec };
    const { problems } = await driver.check(question, context.signal);
    assert.deepEqual(
      problems.map(({ field, code }) => [field, code]),
      [['driver', 'unsupported']],
    );
  });

  it('a server that is not there; a cluster that was there is only not reached', async () => {
    const fake = await fakeCluster(empty);
    await fake.close();
    const { kubeconfig } = fake;
    const [problem] = await problemsOf(kubeconfig);
    assert.equal(problem?.code, 'cluster_unreachable');
    await assert.rejects(driver.inspect(importedAs(kubeconfig), context), { code: 'back_end_unavailable' });
  });

  const replacing =
    (path: string, reply: Reply): Answers =>
    (request) =>
      request.path.startsWith(path) ? reply : empty(request);
  const refusals: [string, Answers, string, RegExp][] = [
    ['a server of another kind', () => ({ body: '<html>' }), 'cluster_unreachable', /Kubernetes API/],
    [
      'a version that is nonsense',
      replacing('/version', { body: { gitVersion: 5 } }),
      'cluster_unreachable',
      /./,
    ],
    [
      'nodes that are none',
      replacing('/api/v1/nodes', { body: { metadata: {}, items: [null] } }),
      'cluster_unreachable',
      /nodes as a Kubernetes API/,
    ],
    [
      'a cluster that is too old',
      replacing('/version', { body: { gitVersion: 'v1.16.3' } }),
      'cluster_version_unsupported',
      /v1\.16\.3.*v1\.19/,
    ],
    [
      'a user who may not',
      replacing('/apis/auth', { body: { status: { allowed: false } } }),
      'cluster_permissions_missing',
      /list nodes.*watch pods/,
    ],
    [
      'a server that is down',
      replacing('/', { status: 503, body: { kind: 'Status', message: 'later' } }),
      'cluster_unreachable',
      /later/,
    ],
  ];
  for (const [what, answers, code, detail] of refusals) {
    it(what, async () => {
      const { kubeconfig } = await start(answers);
      const [problem] = await problemsOf(kubeconfig);
      assert.equal(problem?.code, code);
      assert.match(problem.detail, detail);
    });
  }

  it('to follow a list of nodes that has no end, or to pass on more than a few words', async () => {
    const node = {
      metadata: { labels: {} },
      status: { addresses: [{ type: 'InternalIP', address: 'x'.repeat(99) }] },
    };
    const page = { metadata: { continue: 'more' }, items: Array.from({ length: 500 }, () => node) };
    const endless = await start(replacing('/api/v1/nodes', { body: page }));
    const { facts } = await driver.inspect(importedAs(endless.kubeconfig), context);
    assert.deepEqual(facts.node_addresses, []);
    assert.ok(endless.requests.length < 50);
    const talkative = await start(() => ({
      status: 403,
      body: { kind: 'Status', message: 'x'.repeat(100_000) },
    }));
    const { failure } = await driver.inspect(importedAs(talkative.kubeconfig), context);
    assert.equal(failure?.code, 'cluster_permissions_missing');
    assert.ok(failure.message.length < 1000);
    const failing = await start(() => ({
      status: 500,
      body: { kind: 'Status', message: 'x'.repeat(100_000) },
    }));
    await assert.rejects(driver.inspect(importedAs(failing.kubeconfig), context), /^CetusError: .{1,1000}$/);
  });

  it('to wait for longer than whoever asks', async () => {
    const { kubeconfig, requests } = await start(() => undefined);
    const abort = new AbortController();
    const asked = driver.check(
      { projectId: 'p', userId: 'u', references: {}, imported: { clusterId: 'c', kubeconfig } },
      abort.signal,
    );
    const reason = new Error('the client has gone');
    queueMicrotask(() => abort.abort(reason));
    await assert.rejects(asked, reason);
    assert.ok(requests.length <= 8);
  });

  it('a cluster that takes too long', async () => {
    const { kubeconfig } = await start(() => undefined);
    const imported = { clusterId: 'c', kubeconfig };
    const hasty = new ImportDriver({ secrets, checkTimeoutMs: 300 });
    const question = { projectId: 'p', userId: 'u', references: {}, imported };
    const { problems } = await hasty.check(question, context.signal);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['cluster_unreachable'],
    );
  });

  describe('to wait for ever for a signature', () => {
    const PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    const { request } = createSigningRequest({ commonName: 'ann' });
    const signing =
      (watched: (name: string) => Reply | undefined): Answers =>
      ({ method, path }) => {
        if (!path.startsWith(PATH)) return empty({ method, path });
        const object = { metadata: { name: 'r', resourceVersion: '1' }, spec: {}, status: {} };
        if (path.includes('watch=true')) return watched('r');
        return { body: object };
      };

    it('and removes the request', async () => {
      const { kubeconfig, requests } = await start(signing(() => undefined));
      await assert.rejects(driver.signCertificate(importedAs(kubeconfig), request, context.signal), {
        code: 'certificate_not_signed',
        message: /controller manager did not sign/,
      });
      assert.equal(requests.filter((one) => one.startsWith('DELETE')).length, 1);
    });

    it('when what the cluster answers makes no sense', async () => {
      const answers: (Reply | undefined)[] = [
        { body: 'no JSON\n' },
        { body: { type: 'MODIFIED' } },
        { body: { type: 'MODIFIED', object: { metadata: { name: 'r' }, status: { conditions: 5 } } } },
      ];
      for (const answer of answers) {
        const { kubeconfig } = await start(signing(() => answer));
        await assert.rejects(driver.signCertificate(importedAs(kubeconfig), request, context.signal), {
          code: 'certificate_not_signed',
          message: /not what a Kubernetes API does/,
        });
      }
      const { kubeconfig } = await start(() => ({ body: 'yes' }));
      await assert.rejects(driver.signCertificate(importedAs(kubeconfig), request, context.signal), {
        code: 'certificate_not_signed',
      });
    });

    it('when the cluster says that it failed', async () => {
      const conditions = [
        { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: 'no' },
      ];
      const event = { type: 'MODIFIED', object: { metadata: { name: 'r' }, status: { conditions } } };
      const { kubeconfig } = await start(signing(() => ({ body: event })));
      await assert.rejects(driver.signCertificate(importedAs(kubeconfig), request, context.signal), {
        code: 'certificate_not_signed',
        message: /SignerValidationFailure: no/,
      });
    });
  });
});
