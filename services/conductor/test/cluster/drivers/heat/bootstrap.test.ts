import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { parse, parseAllDocuments } from 'yaml';
import { buildClusterStack } from '../../../../src/cluster/drivers/heat/build-stack.ts';
import { distributionOf } from '../../../../src/cluster/drivers/heat/bootstrap/distributions.ts';
import { flannelManifest } from '../../../../src/cluster/drivers/heat/bootstrap/flannel.ts';
import { UnsupportedImageError } from '../../../../src/cluster/drivers/heat/errors.ts';
import {
  createClusterSecrets,
  discoveryHash,
  type ClusterSecrets,
} from '../../../../src/cluster/drivers/heat/pki.ts';
import { GPU, makeGroup, makeInput, serversOf, writtenFiles, type InputOverrides } from './support.ts';

/** A parsed document, whose shape is what the test is about. */
type Parsed = ReturnType<typeof JSON.parse>;

describe('the bootstrap of a node', () => {
  let secrets: ClusterSecrets;

  before(async () => {
    secrets = await createClusterSecrets();
  });

  /** Files of the node whose name ends as given, by path, as they are after Heat's replacements. */
  const filesOf = (suffix: string, input: InputOverrides = {}): Map<string, string> => {
    const servers = serversOf(buildClusterStack(makeInput(input), secrets));
    const server = servers.find(({ name }) => name.endsWith(suffix));
    assert.ok(server !== undefined);
    return new Map(writtenFiles(server.userData, parse).map(({ path, content }) => [path, content]));
  };

  const kubeadmOf = (suffix: string, input: InputOverrides = {}): Parsed[] =>
    parseAllDocuments(filesOf(suffix, input).get('/etc/cetus/kubeadm.yaml')!).map((document) =>
      document.toJS(),
    );

  it('puts every address of the API into its certificate', () => {
    const [, cluster] = kubeadmOf('master-0', { masterCount: 3, floatingIpEnabled: true });
    assert.deepEqual(cluster.apiServer.certSANs, [
      'localhost',
      '127.0.0.1',
      '10.0.0.10',
      '10.0.0.11',
      '10.0.0.12',
      '10.0.0.5',
      '203.0.113.7',
    ]);
    assert.equal(cluster.controlPlaneEndpoint, '10.0.0.5:6443');
    const [, single] = kubeadmOf('master-0');
    assert.deepEqual(single.apiServer.certSANs, ['localhost', '127.0.0.1', '10.0.0.10']);
    assert.equal(single.controlPlaneEndpoint, '10.0.0.10:6443');
  });

  it('starts one control plane, and joins the others and the workers by the authority and a token without end', () => {
    const three = { masterCount: 3 as const };
    const [init, cluster] = kubeadmOf('master-0', three);
    assert.equal(init.kind, 'InitConfiguration');
    assert.equal(init.bootstrapTokens[0].token, secrets.bootstrapToken);
    assert.equal(init.bootstrapTokens[0].ttl, '0s');
    assert.equal(cluster.kubernetesVersion, 'v1.33.2');
    const [second] = kubeadmOf('master-1', three);
    assert.equal(second.kind, 'JoinConfiguration');
    assert.equal(second.controlPlane.localAPIEndpoint.advertiseAddress, '10.0.0.11');
    const [worker] = kubeadmOf('worker-7', three);
    assert.equal(worker.controlPlane, undefined);
    for (const join of [second, worker]) {
      assert.deepEqual(join.discovery.bootstrapToken, {
        token: secrets.bootstrapToken,
        apiServerEndpoint: '10.0.0.5:6443',
        caCertHashes: [discoveryHash(secrets.ca.certificate)],
      });
    }
    assert.match(worker.nodeRegistration.name, /-worker-7$/);
  });

  it('keeps a token of digits a string', () => {
    const digits = { ...secrets, bootstrapToken: '123456.0123456789012345' };
    const server = serversOf(buildClusterStack(makeInput(), digits))[0]!;
    const text = writtenFiles(server.userData, parse).find(({ path }) =>
      path.endsWith('kubeadm.yaml'),
    )!.content;
    assert.equal(parseAllDocuments(text)[0]!.toJS().bootstrapTokens[0].token, '123456.0123456789012345');
  });

  it('speaks the configuration version the kubeadm of that release reads', () => {
    assert.equal(
      kubeadmOf('master-0', { nodes: { kubeTag: 'v1.30.9' } })[0].apiVersion,
      'kubeadm.k8s.io/v1beta3',
    );
    assert.equal(
      kubeadmOf('master-0', { nodes: { kubeTag: 'v1.31.0' } })[0].apiVersion,
      'kubeadm.k8s.io/v1beta4',
    );
  });

  it('registers the nodes of a group with its labels and taints, in the form its version reads', () => {
    const nodeTaints = [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' as const }];
    const nodeLabels = { 'example.com/kind': 'gpu', tier: 'front' };
    const group = (kubeTag: string) => ({
      groups: [makeGroup({ key: GPU, kubeTag, nodeLabels, nodeTaints })],
    });
    const [join] = kubeadmOf(`${GPU}-7`, group('v1.33.2'));
    assert.match(join.nodeRegistration.name, new RegExp(`-${GPU}-7$`));
    assert.deepEqual(join.nodeRegistration.taints, nodeTaints);
    assert.deepEqual(join.nodeRegistration.kubeletExtraArgs, [
      { name: 'node-labels', value: 'example.com/kind=gpu,tier=front' },
    ]);
    const [older] = kubeadmOf(`${GPU}-7`, group('v1.30.4'));
    assert.deepEqual(older.nodeRegistration.kubeletExtraArgs, {
      'node-labels': 'example.com/kind=gpu,tier=front',
    });
    const [plain] = kubeadmOf('worker-7', group('v1.33.2'));
    assert.deepEqual(Object.keys(plain.nodeRegistration), ['name', 'criSocket']);
    // kubeadm leaves its own taint out where others are given.
    const [init] = kubeadmOf('master-0', { nodes: { nodeTaints } });
    assert.deepEqual(
      init.nodeRegistration.taints.map(({ key }: { key: string }) => key),
      ['node-role.kubernetes.io/control-plane', 'gpu'],
    );
  });

  it('takes all images from the asked registry', () => {
    const input = { imageRepository: 'registry.example/mirror' };
    const files = filesOf('master-0', input);
    const images = [...files.get('/etc/cetus/flannel.yaml')!.matchAll(/image: (.*)/g)].map(
      ([, image]) => image!,
    );
    assert.equal(images.length, 3);
    assert.ok(images.every((image) => image.startsWith('registry.example/mirror/flannel')));
    assert.equal(kubeadmOf('master-0', input)[1].imageRepository, 'registry.example/mirror');
    assert.match(files.get('/etc/cetus/node.env')!, /^IMAGE_REPOSITORY='registry\.example\/mirror'$/m);
  });

  it('quotes a proxy for the shell, for systemd and for apt, and keeps the cluster out of it', () => {
    const files = filesOf('master-0', { httpProxy: "http://u:p%40'x@proxy:3128", noProxy: '.corp' });
    const shell = execFileSync(
      'bash',
      ['-c', 'set -eu; eval "$(cat)"; printf %s "$HTTP_PROXY"; printf " %s" "$NO_PROXY"'],
      {
        input: files.get('/etc/cetus/node.env')!,
        timeout: 15_000,
      },
    ).toString();
    assert.match(
      shell,
      /^http:\/\/u:p%40'x@proxy:3128 \.corp,localhost,.*,10\.100\.0\.0\/16,10\.254\.0\.0\/16,.*10\.0\.0\.10$/,
    );
    const unit = files.get('/etc/systemd/system/containerd.service.d/http-proxy.conf')!;
    assert.match(unit, /^Environment="HTTP_PROXY=http:\/\/u:p%%40'x@proxy:3128"$/m);
    assert.match(files.get('/etc/apt/apt.conf.d/90cetus-proxy')!, /^Acquire::https::Proxy "http:/m);
  });

  it('writes the flannel network for the pods of this cluster', () => {
    const documents = parseAllDocuments(flannelManifest({ podCidr: '10.7.0.0/16' })).map((document) =>
      document.toJS(),
    );
    assert.deepEqual(
      documents.map(({ kind }) => kind),
      ['Namespace', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'ConfigMap', 'DaemonSet'],
    );
    assert.deepEqual(JSON.parse(documents[4].data['net-conf.json']), {
      Network: '10.7.0.0/16',
      Backend: { Type: 'vxlan' },
    });
    assert.equal(JSON.parse(documents[4].data['cni-conf.json']).name, 'cbr0');
    const pod = documents[5].spec.template.spec;
    const volumes = new Set(pod.volumes.map(({ name }: { name: string }) => name));
    for (const container of [...pod.initContainers, ...pod.containers]) {
      for (const { name } of container.volumeMounts) assert.ok(volumes.has(name));
    }
  });

  it('gives Ignition a config of version 3 with the units enabled', () => {
    const input = makeInput({
      nodes: { image: { id: 'x', osDistro: 'fedora-coreos' } },
      sshPublicKey: 'ssh-ed25519 AAAA me',
    });
    const config = JSON.parse(serversOf(buildClusterStack(input, secrets))[0]!.userData);
    assert.equal(config.ignition.version, '3.2.0');
    assert.deepEqual(config.passwd.users, [{ name: 'core', sshAuthorizedKeys: ['ssh-ed25519 AAAA me'] }]);
    assert.ok(
      config.systemd.units.some(
        (unit: { name: string; enabled?: boolean }) =>
          unit.name === 'cetus-bootstrap.service' && unit.enabled,
      ),
    );
    // Before the machine is a node there is nothing to upgrade.
    const timer = config.systemd.units.find(({ name }: { name: string }) => name === 'cetus-upgrade.timer');
    assert.equal(timer.enabled, undefined);
    assert.match(timer.contents, /^OnUnitInactiveSec=15$/m);
    const paths = config.storage.files.map(({ path }: { path: string }) => path);
    assert.equal(new Set(paths).size, paths.length);
    for (const { contents } of config.storage.files)
      assert.match(contents.source, /^data:(;base64)?,[A-Za-z0-9%._~+/=:-]*$/);
  });

  it('refuses an image that does not say, or says something else than, what nodes can be made of', () => {
    assert.equal(distributionOf({ id: 'a', osDistro: 'Ubuntu' }), 'debian');
    assert.throws(
      () => distributionOf({ id: 'a', name: 'cirros' }),
      (error) =>
        error instanceof UnsupportedImageError &&
        error.code === 'image_os_distro_missing' &&
        /cirros \(a\).*os_distro.*ubuntu/.test(error.message),
    );
    for (const osDistro of ['windows', 'constructor']) {
      assert.throws(
        () => buildClusterStack(makeInput({ nodes: { image: { id: 'a', osDistro } } }), secrets),
        (error) =>
          error instanceof UnsupportedImageError &&
          error.code === 'image_os_distro_unsupported' &&
          error.message.includes(osDistro),
      );
    }
  });
});
