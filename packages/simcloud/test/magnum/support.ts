import assert from 'node:assert/strict';
import { get } from 'node:https';
import { KeystoneSession } from '@cetus/openstack/keystone';
import { MagnumClient, type MagnumCluster } from '@cetus/openstack/magnum';
import { createSigningRequest } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import { startSimCloud, type SimCloud, type SimCloudOptions } from '../../src/sim-cloud.ts';

const QUICK = { castSeconds: 0.02, pollSeconds: 0.05, healthSeconds: 0.05 };

/** A cloud whose Magnum does everything at once, and a member of project `demo`. */
export class MagnumDesk {
  readonly cloud: SimCloud;
  readonly session: KeystoneSession;
  readonly magnum: MagnumClient;

  private constructor(cloud: SimCloud) {
    this.cloud = cloud;
    this.session = new KeystoneSession({
      authUrl: cloud.keystoneUrl,
      credentials: { type: 'password', username: 'demo', password: 'devpw', projectName: 'demo' },
      http: { retries: 0 },
    });
    this.magnum = new MagnumClient(this.session);
  }

  static async open(options: SimCloudOptions = {}): Promise<MagnumDesk> {
    const { magnum, ...others } = options;
    return new MagnumDesk(
      await startSimCloud({ resourceSeconds: { '*': 0.02 }, magnum: { ...QUICK, ...magnum }, ...others }),
    );
  }

  /** Makes a template of a version of Kubernetes. */
  async template(name: string, kubeTag = 'v1.30.1'): Promise<string> {
    const { uuid } = await this.magnum.createTemplate({
      name,
      coe: 'kubernetes',
      image_id: 'fedora-coreos-37',
      external_network_id: 'public',
      flavor_id: 'm1.small',
      master_flavor_id: 'm1.small',
      keypair_id: 'testkey',
      labels: { kube_tag: kubeTag },
    });
    return uuid;
  }

  /** Asks for a cluster of a template of its own. */
  async create(name: string, nodeCount = 1): Promise<string> {
    const template = await this.template(`of-${name}`);
    const wanted = { name, cluster_template_id: template, node_count: nodeCount };
    return (await this.magnum.createCluster(wanted)).uuid;
  }

  /** The cluster when it is as wanted. */
  async reaches(
    uuid: string,
    wanted: string | ((cluster: MagnumCluster) => boolean),
  ): Promise<MagnumCluster> {
    const is = typeof wanted === 'string' ? ({ status }: MagnumCluster) => status === wanted : wanted;
    return waitFor(async () => {
      const cluster = await this.magnum.getCluster(uuid);
      return cluster !== null && is(cluster) ? cluster : undefined;
    });
  }

  /** Reads from a cluster's Kubernetes API with a certificate that Magnum has signed for it. */
  async kubernetes(uuid: string, path: string): Promise<unknown> {
    const cluster = await this.magnum.getCluster(uuid);
    assert.ok(cluster?.api_address != null);
    const { request, key } = createSigningRequest({ commonName: 'admin', organizations: ['system:masters'] });
    const { pem: cert } = await this.magnum.signCertificate({ cluster_uuid: uuid, csr: request });
    const { pem: ca } = await this.magnum.getCaCertificate(uuid);
    const url = new URL(path, cluster.api_address);
    return new Promise((resolve, reject) => {
      get(url, { ca, cert, key, agent: false, timeout: 5000 }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`${String(answer.statusCode)}: ${text}`));
        });
      }).on('error', reject);
    });
  }

  /** Names, without the random part, and versions of a cluster's nodes. */
  async nodes(uuid: string): Promise<[string, string][]> {
    const list = (await this.kubernetes(uuid, '/api/v1/nodes')) as {
      items: { metadata: { name: string }; status: { nodeInfo: { kubeletVersion: string } } }[];
    };
    return list.items
      .map(({ metadata, status }): [string, string] => [
        metadata.name.replace(/-[a-z2-7]{12}-/, '-'),
        status.nodeInfo.kubeletVersion,
      ])
      .sort();
  }

  async close(): Promise<void> {
    await this.session.close();
    await this.cloud.close();
  }
}
