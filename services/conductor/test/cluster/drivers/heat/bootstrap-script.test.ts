import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapScript } from '../../../../src/cluster/drivers/heat/bootstrap/bootstrap-script.ts';
import { INSTALL_DEBIAN } from '../../../../src/cluster/drivers/heat/bootstrap/install-debian.ts';
import { INSTALL_FEDORA_COREOS } from '../../../../src/cluster/drivers/heat/bootstrap/install-fedora-coreos.ts';
import { shellQuote } from '../../../../src/cluster/drivers/heat/bootstrap/node-file.ts';

/** Harmless tools the script may really use; everything else it calls is a stand-in that only writes down the call. */
const REAL_TOOLS = [
  'bash',
  'cat',
  'chmod',
  'cp',
  'cut',
  'date',
  'grep',
  'head',
  'install',
  'mkdir',
  'mv',
  'sed',
  'tail',
  'tee',
  'touch',
  'tr',
];
const STAND_INS = [
  'apt-get',
  'apt-mark',
  'containerd',
  'iptables',
  'kubectl',
  'modprobe',
  'sleep',
  'swapoff',
  'sysctl',
  'systemctl',
  'mount',
];

const VERSION = 'v1.33.2';

interface Run {
  code: number | null;
  output: string;
}

/** A machine in a directory: the script's absolute paths are moved into it, and its PATH holds only what is listed above. */
class Machine {
  readonly root = mkdtempSync(join(tmpdir(), 'cetus-node-'));
  readonly state = join(this.root, 'var/lib/cetus');
  private readonly bin = join(this.root, 'bin');

  constructor(environment: Record<string, string>) {
    for (const directory of [
      'bin',
      'etc/cetus/pki/etcd',
      'etc/kubernetes/manifests',
      'etc/apt',
      'var/log',
      'var/lib',
    ]) {
      mkdirSync(join(this.root, directory), { recursive: true });
    }
    for (const tool of REAL_TOOLS) {
      symlinkSync(
        execFileSync('bash', ['-c', `command -v ${tool}`], { timeout: 15_000 })
          .toString()
          .trim(),
        join(this.bin, tool),
      );
    }
    for (const tool of STAND_INS) this.standIn(tool, '');
    this.standIn('kubelet', `echo "Kubernetes ${VERSION}"`);
    this.standIn(
      'kubeadm',
      `case "$1 $2" in
      "version --output") echo ${VERSION} ;;
      "config images") echo registry.k8s.io/kube-apiserver:${VERSION}; echo registry.k8s.io/pause:3.10 ;;
      *) if [ -f ${this.root}/kubeadm-fails ]; then echo 'error: it is broken "badly"'; exit 1; fi ;;
    esac`,
    );
    // The signal's header comes on standard input.
    this.standIn(
      'curl',
      `case "$*" in *--config*) cat >>${this.root}/signals; printf '%s\\n' "$*" >>${this.root}/signals ;; esac`,
    );
    const defaults = {
      NODE_ROLE: 'init',
      NODE_NAME: 'node-0',
      NODE_ADDRESS: '10.0.0.10',
      PREVIOUS_MASTER_ADDRESS: '',
      API_ADDRESS: '10.0.0.5',
      API_PORT: '6443',
      KUBE_VERSION: VERSION,
      KUBE_MINOR: '33',
      IMAGE_REPOSITORY: '',
      ETCD_VOLUME: '',
      CONTAINER_VOLUME: '',
      SIGNAL_URL: 'http://heat.example/signal',
      SIGNAL_TOKEN: 'a-token',
      PACKAGE_REPOSITORY: 'https://packages.example',
    };
    const variables = Object.entries({ ...defaults, ...environment }).map(
      ([name, value]) => `${name}=${shellQuote(value)}\n`,
    );
    writeFileSync(join(this.root, 'etc/cetus/node.env'), variables.join(''));
    writeFileSync(join(this.root, 'etc/cetus/containerd.toml'), 'sandbox_image = "@PAUSE_IMAGE@"\n');
    writeFileSync(join(this.root, 'etc/cetus/pki/ca.key'), 'key');
    const script = bootstrapScript(INSTALL_DEBIAN)
      .replaceAll(/(?<![\w$/])\/(etc|var|dev\/disk)\//g, `${this.root}/$1/`)
      .replace(/^export PATH=.*$/m, `export PATH=${this.bin}`);
    assert.ok(!/(^|[ "'=>])\/(etc|var|usr|opt)\//m.test(script), 'a path leads out of the sandbox');
    writeFileSync(join(this.root, 'bootstrap.sh'), script);
  }

  private standIn(tool: string, body: string): void {
    const file = join(this.bin, tool);
    writeFileSync(file, `#!/bin/bash\necho "${tool} $*" >>${this.root}/calls\n${body}\n`);
    chmodSync(file, 0o755);
  }

  run(): Promise<Run> {
    return new Promise((resolve, reject) => {
      const child = spawn('bash', [join(this.root, 'bootstrap.sh')], { env: {}, timeout: 15_000 });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
  }

  calls(pattern: RegExp): string[] {
    return this.read('calls')
      .split('\n')
      .filter((line) => pattern.test(line));
  }

  read(name: string): string {
    const file = join(this.root, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.root, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.root, name), { force: true });
  }
}

describe('the bootstrap script', function () {
  this.timeout(60_000);
  const machines: Machine[] = [];

  const machine = (environment: Record<string, string> = {}): Machine => {
    const made = new Machine(environment);
    machines.push(made);
    return made;
  };

  afterEach(() => {
    for (const { root } of machines.splice(0)) rmSync(root, { recursive: true, force: true });
  });

  it('is bash, for each distribution', () => {
    for (const install of [INSTALL_DEBIAN, INSTALL_FEDORA_COREOS]) {
      execFileSync('bash', ['-n'], { input: bootstrapScript(install), timeout: 15_000 });
    }
  });

  it('starts the control plane once, applies the network and signals success', async () => {
    const node = machine();
    const first = await node.run();
    assert.equal(first.code, 0, first.output);
    assert.equal(node.calls(/^kubeadm init /).length, 1);
    assert.match(node.calls(/^kubeadm init /)[0]!, /--skip-token-print --ignore-preflight-errors=$/);
    assert.equal(node.calls(/^kubectl .*apply .*flannel\.yaml$/).length, 1);
    assert.equal(node.calls(/^kubectl .*wait .*node\/node-0$/).length, 1);
    assert.equal(node.read('etc/containerd/config.toml'), 'sandbox_image = "registry.k8s.io/pause:3.10"\n');
    assert.equal(node.read('etc/kubernetes/pki/ca.key'), 'key');
    assert.ok(existsSync(join(node.state, 'complete')));
    assert.equal(node.calls(/^systemctl enable --now cetus-upgrade\.timer$/).length, 1);
    assert.match(node.read('signals'), /^header = "X-Auth-Token: a-token"$/m);
    assert.match(
      node.read('signals'),
      /"status":"SUCCESS","reason":"node-0 is ready","data":"","id":"node-0"} http:\/\/heat\.example\/signal$/m,
    );
    assert.ok(!node.read('calls').includes('a-token'), 'the token is in the process list');
    assert.deepEqual(node.calls(/^apt-get/), [], 'nothing is installed over an image that has it all');

    const second = await node.run();
    assert.equal(second.code, 0, second.output);
    assert.equal(node.calls(/^kubeadm (init|reset)/).length, 1, 'a second run starts nothing again');
  });

  it('counts failures, gives up aloud once, and goes on by itself when the cause is gone', async () => {
    const node = machine();
    node.write('kubeadm-fails', '');
    const failed = await node.run();
    assert.equal(failed.code, 1);
    assert.match(failed.output, /step 'kubeadm init' failed with exit code 1 \(failure 1\)/);
    assert.equal(node.read('signals'), '');
    node.write('var/lib/cetus/failures', '19\n');
    await node.run();
    assert.match(
      node.read('signals'),
      /"status":"FAILURE","reason":"node-0: kubeadm init failed: .*it is broken badly/,
    );
    await node.run();
    assert.equal(node.read('signals').match(/FAILURE/g)?.length, 1);
    assert.deepEqual(node.calls(/^kubeadm reset/), [], 'a control plane is never reset');
    node.remove('kubeadm-fails');
    node.write('etc/kubernetes/manifests/kube-apiserver.yaml', '');
    assert.equal((await node.run()).code, 0);
    assert.match(node.calls(/^kubeadm init/).at(-1)!, /--ignore-preflight-errors=all$/);
  });

  it('joins a worker without signalling, undoing an attempt that failed', async () => {
    const node = machine({ NODE_ROLE: 'worker', SIGNAL_URL: '', NODE_ADDRESS: '' });
    node.write('kubeadm-fails', '');
    assert.equal((await node.run()).code, 1);
    node.remove('kubeadm-fails');
    const joined = await node.run();
    assert.equal(joined.code, 0, joined.output);
    const steps = node.calls(/^kubeadm (join|reset|init)/).map((line) => line.split(' ')[1]);
    assert.deepEqual(steps, ['join', 'reset', 'join']);
    assert.equal(existsSync(join(node.root, 'etc/kubernetes/pki/ca.key')), false, 'a worker gets no key');
    assert.equal(node.read('signals'), '');
    assert.deepEqual(node.calls(/^kubectl/), []);
  });

  it('joins a further master after the one before it', async () => {
    const node = machine({
      NODE_ROLE: 'control-plane',
      NODE_NAME: 'node-1',
      PREVIOUS_MASTER_ADDRESS: '10.0.0.10',
      NODE_ADDRESS: '10.0.0.11',
    });
    const run = await node.run();
    assert.equal(run.code, 0, run.output);
    const order = node
      .calls(/^(curl .*readyz|kubeadm join)/)
      .map((line) => /https:\/\/[\d.]+/.exec(line)?.[0] ?? 'join');
    assert.deepEqual(order, [
      'https://10.0.0.10',
      'https://10.0.0.5',
      'join',
      'https://10.0.0.11',
      'https://10.0.0.5',
    ]);
    assert.deepEqual(node.calls(/apply/), []);
    assert.match(node.read('signals'), /"id":"node-1"/);
  });

  it('installs the asked version where the image has another', async () => {
    const node = machine({ KUBE_VERSION: 'v1.34.0' });
    const run = await node.run();
    assert.equal(run.code, 0, run.output);
    assert.match(
      node.calls(/^apt-get .*install/)[0]!,
      /kubelet=1\.34\.0-\* kubeadm=1\.34\.0-\* kubectl=1\.34\.0-\*$/,
    );
    assert.match(
      node.read('etc/apt/sources.list.d/kubernetes.list'),
      /^deb \[signed-by=.*kubernetes\.asc\] https:\/\/packages\.example \/$/m,
    );
    assert.equal(node.calls(/^apt-mark hold/).length, 1);
  });
});
