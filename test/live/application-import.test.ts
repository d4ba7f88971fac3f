import assert from 'node:assert/strict';
import { Applications } from './support/applications.ts';
import { IMAGE, LabCluster } from './support/lab-cluster.ts';
import { live } from './support/suite.ts';

const COMPOSE = `
services:
  front:
    image: \${IMAGE}
    build: ./front
    depends_on: [back]
    ports: ["8080:8080"]
    environment:
      BACK: http://back:8080/
      API_TOKEN: the-token-of-front
    sysctls: { net.core.somaxconn: 1024 }
    deploy: { replicas: 2 }
  back:
    image: \${IMAGE}
    expose: ["8080"]
    volumes: ["./data:/data"]
    configs: [{ source: greeting, target: /etc/greeting }]
configs:
  greeting: { content: "hello from a file\\n" }
`;

const MANIFESTS = `
apiVersion: v1
kind: ConfigMap
metadata: { name: greeting, namespace: shop }
data: { greeting.txt: "hello from a ConfigMap\\n" }
---
apiVersion: v1
kind: Secret
metadata: { name: db, namespace: shop }
stringData: { password: the-password-of-db }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      serviceAccountName: shop
      containers:
        - name: web
          image: ${IMAGE}
          ports: [{ name: http, containerPort: 8080 }]
          env: [{ name: PASSWORD, valueFrom: { secretKeyRef: { name: db, key: password } } }]
          readinessProbe: { httpGet: { port: http }, periodSeconds: 1 }
          volumeMounts: [{ name: greeting, mountPath: /etc/greeting }]
      volumes: [{ name: greeting, configMap: { name: greeting } }]
---
apiVersion: v1
kind: Service
metadata: { name: shop, namespace: shop }
spec: { type: NodePort, selector: { app: shop }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: shop, namespace: shop }
spec: { podSelector: {} }
`;

interface Imported {
  applications: { uuid: string; name: string; source: string }[];
  refused: unknown[];
  report: { severity: string; source: string; path: string }[];
}

live(
  'what people have already, on a real Kubernetes',
  (on) => {
    let lab: LabCluster;
    let cluster = '';
    let applications: Applications;

    before('takes a cluster in', async function () {
      lab = LabCluster.require(this);
      cluster = await lab.importedBy(on.demo, 'lab');
      applications = new Applications(on.demo);
    });

    after('leaves nothing in it', async () => {
      if (cluster !== '') {
        await applications.removeAll();
        await on.demo.remove(cluster);
      }
      await lab?.close();
    });

    const imported = async (format: string, content: string): Promise<Imported> => {
      const answer = await on.demo.send('POST', '/v1/applications/import', {
        format,
        content,
        placements: [{ cluster: 'lab' }],
        variables: { IMAGE },
      });
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      assert.doesNotMatch(JSON.stringify(answer.body), /the-token-of-front|the-password-of-db/);
      return answer.body as Imported;
    };
    const told = ({ report }: Imported): string[] =>
      report.map(({ severity, source, path }) => `${severity} ${source} ${path}`.trim()).sort();
    const idOf = ({ applications: all }: Imported, source: string): string =>
      all.find((one) => one.source === source)?.uuid ?? '';
    /** What is written by a command in an instance that is ready. */
    const within = async (uuid: string, script: string): Promise<string> => {
      const ready = (await applications.instances(uuid)).find((one) => one.ready);
      assert.ok(ready);
      return (await applications.exec(uuid, ready.name, ['sh', '-c', script])).stdout;
    };
    const page = async (uuid: string): Promise<string> => {
      const seen = await applications.until(
        uuid,
        (seen) => seen.endpoints.some(({ type }) => type === 'node_port'),
        'its node port is known',
      );
      return applications.page(seen);
    };

    it('of a Compose file runs and answers, and what is not carried over is told', async () => {
      const result = await imported('compose', COMPOSE);
      assert.deepEqual(result.refused, []);
      assert.deepEqual(result.applications.map(({ name, source }) => `${source} ${name}`).sort(), [
        'services/back back',
        'services/front front',
      ]);
      assert.deepEqual(told(result), [
        'changed services/front environment/API_TOKEN',
        'changed services/front ports',
        'lost services/back volumes/0',
        'lost services/front build',
        'lost services/front sysctls',
        'note services/front depends_on',
      ]);
      const [front, back] = [idOf(result, 'services/front'), idOf(result, 'services/back')];
      await Promise.all([front, back].map((uuid) => applications.complete(uuid)));
      assert.match(await page(front), /hello from/);
      assert.equal((await applications.instances(front)).length, 2);
      assert.equal(await within(front, 'echo $BACK $API_TOKEN'), 'http://back:8080/ the-token-of-front\n');
      assert.equal(await within(back, 'cat /etc/greeting'), 'hello from a file\n');
    });

    it('of manifests runs and answers, and what is not carried over is told', async () => {
      const result = await imported('kubernetes', MANIFESTS);
      assert.deepEqual(
        result.applications.map(({ name, source }) => `${source} ${name}`),
        ['Deployment/shop shop'],
      );
      assert.deepEqual(told(result), [
        'lost Deployment/shop spec/template/spec/serviceAccountName',
        'lost NetworkPolicy/shop',
        'note Deployment/shop metadata/namespace',
        'note Secret/db',
      ]);
      const shop = idOf(result, 'Deployment/shop');
      await applications.complete(shop);
      assert.match(await page(shop), /hello from/);
      assert.equal((await applications.instances(shop)).length, 2);
      const script = 'cat /etc/greeting/greeting.txt; echo $PASSWORD';
      assert.equal(await within(shop, script), 'hello from a ConfigMap\nthe-password-of-db\n');
    });
  },
  () => ({ conductor: { CETUS_CLUSTER_DRIVERS: 'heat,import' } }),
);
