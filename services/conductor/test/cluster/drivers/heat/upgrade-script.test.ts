import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
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
import { waitFor } from '@cetus/test-kit';
import { INSTALL_DEBIAN } from '../../../../src/cluster/drivers/heat/bootstrap/install-debian.ts';
import { INSTALL_FEDORA_COREOS } from '../../../../src/cluster/drivers/heat/bootstrap/install-fedora-coreos.ts';
import { upgradeScript } from '../../../../src/cluster/drivers/heat/bootstrap/upgrade-script.ts';
import { ANNOTATION } from '../../../../src/cluster/drivers/heat/upgrade/annotations.ts';

const OLD = 'v1.33.2';
const NEW = 'v1.34.1';
const REAL_TOOLS = 'bash cat chmod cut date dirname flock grep install mkdir mv sed tail touch tr'.split(' ');
const STAND_INS = 'apt-mark containerd curl iptables sleep dpkg'.split(' ');

/**
 * A node in a directory. What its Node says is a file for each annotation, and the versions of its tools are files too: `installed`
 * changes with the packages, `running` when the kubelet is restarted.
 */
class Node {
  readonly root = mkdtempSync(join(tmpdir(), 'cetus-node-'));
  private readonly bin = join(this.root, 'bin');

  constructor(role: 'init' | 'control-plane' | 'worker') {
    for (const directory of ['bin', 'etc/cetus', 'etc/apt', 'var/lib/cetus', 'var/log', 'node', 'installed'])
      mkdirSync(join(this.root, directory), { recursive: true });
    for (const tool of REAL_TOOLS)
      symlinkSync(
        execFileSync('bash', ['-c', `command -v ${tool}`])
          .toString()
          .trim(),
        join(this.bin, tool),
      );
    for (const tool of STAND_INS) this.standIn(tool, '');
    const { root } = this;
    for (const tool of ['kubeadm', 'kubelet', 'kubectl']) this.write(`installed/${tool}`, OLD);
    this.write('running', OLD);
    this.standIn('kubelet', `echo "Kubernetes $(cat ${root}/installed/kubelet)"`);
    this.standIn(
      'kubeadm',
      `case $1 in
        version) cat ${root}/installed/kubeadm ;;
        upgrade)
          if [ -f ${root}/hangs ]; then touch ${root}/hanging; while [ -f ${root}/hangs ]; do read -t 0.05 <> <(:) || true; done; fi
          if [ -f ${root}/broken ]; then
            printf '%s\\n' 'error: etcd is not "healthy"' 'To see the stack trace of this error execute with --v=5 or higher' >&2; exit 1
          fi ;;
      esac`,
    );
    this.standIn(
      'apt-get',
      `for word in "$@"; do case $word in kube*=*) n=\${word#*=}; echo "v\${n%-*}" >${root}/installed/\${word%%=*} ;; esac; done`,
    );
    this.standIn(
      'systemctl',
      `if [ "$1" = restart ]; then cat ${root}/installed/kubelet >${root}/running; fi`,
    );
    const read = (name: string): string => `$(cat '${root}/node/${name.replace('/', '_')}' 2>/dev/null)`;
    const { version, operation, state, reported } = ANNOTATION;
    this.standIn(
      'kubectl',
      `case "$*" in
        *kubernetes-version*) echo "${[version, operation, state, reported].map(read).join('|')}|$(cat ${root}/running)" ;;
        *kubeletVersion*) cat ${root}/running ;;
        *annotate*) for word in "$@"; do case $word in cetus.io/*=*) name=\${word%%=*}; printf %s "\${word#*=}" >"${root}/node/\${name/\\//_}" ;; esac; done ;;
      esac`,
    );
    this.write(
      'etc/cetus/node.env',
      `NODE_ROLE='${role}'\nNODE_NAME='n-0'\nKUBE_VERSION='${OLD}'\nKUBE_MINOR='33'\nPACKAGE_REPOSITORY='https://packages.example/v1.33/deb'\n`,
    );
    const script = upgradeScript(INSTALL_DEBIAN)
      .replaceAll(/(?<![\w$/])\/(etc|var)\//g, `${root}/$1/`)
      .replace(/^export PATH=.*$/m, `export PATH=${this.bin}`);
    this.write('upgrade.sh', script);
  }

  private standIn(tool: string, body: string): void {
    const file = join(this.bin, tool);
    writeFileSync(file, `#!/bin/bash\necho "${tool} $*" >>${this.root}/calls\n${body}\n`);
    chmodSync(file, 0o755);
  }

  ask(version: string, operation: string): void {
    this.write(`node/${ANNOTATION.version.replace('/', '_')}`, version);
    this.write(`node/${ANNOTATION.operation.replace('/', '_')}`, operation);
  }

  says(name: keyof typeof ANNOTATION): string {
    return this.read(`node/${ANNOTATION[name].replace('/', '_')}`);
  }

  start(): ChildProcess {
    return spawn('bash', [join(this.root, 'upgrade.sh')], { env: {}, timeout: 15_000 });
  }

  run(): Promise<number | null> {
    return new Promise((resolve, reject) => this.start().on('error', reject).on('close', resolve));
  }

  calls(pattern: RegExp): string[] {
    return this.read('calls')
      .split('\n')
      .filter((line) => pattern.test(line));
  }

  read(name: string): string {
    const file = join(this.root, name);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.root, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.root, name), { force: true });
  }
}

describe('the script that upgrades a node', function () {
  this.timeout(60_000);
  const nodes: Node[] = [];

  const node = (role: 'init' | 'control-plane' | 'worker'): Node => {
    const made = new Node(role);
    nodes.push(made);
    return made;
  };

  afterEach(() => {
    for (const { root } of nodes.splice(0)) rmSync(root, { recursive: true, force: true });
  });

  it('is bash, for each distribution', () => {
    for (const install of [INSTALL_DEBIAN, INSTALL_FEDORA_COREOS])
      execFileSync('bash', ['-n'], { input: upgradeScript(install), timeout: 15_000 });
  });

  it('does nothing that nobody asked for', async () => {
    const idle = node('worker');
    assert.equal(await idle.run(), 0);
    assert.deepEqual(idle.calls(/^(apt-get|kubeadm upgrade|systemctl)|annotate/), []);
  });

  for (const role of ['init', 'control-plane', 'worker'] as const) {
    it(`upgrades a node of the role ${role}: kubeadm, what it runs, and the kubelet last`, async () => {
      const one = node(role);
      one.ask(NEW, 'op-1');
      assert.equal(await one.run(), 0, one.read('var/log/cetus-upgrade.log'));
      const steps = one
        .calls(/^(apt-get .*install|kubeadm upgrade|systemctl restart)/)
        .map((line) => line.replace(/^apt-get .*-downgrades/, 'install'));
      assert.deepEqual(steps, [
        'install kubeadm=1.34.1-*',
        role === 'init'
          ? `kubeadm upgrade apply --yes --ignore-preflight-errors= ${NEW}`
          : 'kubeadm upgrade node --ignore-preflight-errors=',
        'install kubelet=1.34.1-* kubectl=1.34.1-*',
        'systemctl restart kubelet',
      ]);
      assert.match(one.read('etc/apt/sources.list.d/kubernetes.list'), /packages\.example\/v1\.34\/deb \/$/);
      assert.equal(one.read('running'), NEW);
      assert.equal(one.says('state'), 'done');
      assert.equal(one.says('reported'), 'op-1');
      assert.equal(await one.run(), 0);
      assert.equal(one.calls(/^kubeadm upgrade/).length, 1);
    });
  }

  it('says what failed, and tries again only for another operation', async () => {
    const one = node('init');
    one.ask(NEW, 'op-1');
    one.write('broken', '');
    assert.equal(await one.run(), 1);
    assert.equal(one.says('state'), 'failed');
    assert.equal(one.says('message'), 'kubeadm upgrade failed: error: etcd is not "healthy"');
    assert.equal(one.read('running'), OLD);
    one.remove('broken');
    assert.equal(await one.run(), 0);
    assert.equal(one.says('state'), 'failed');
    one.ask(NEW, 'op-2');
    assert.equal(await one.run(), 0);
    assert.deepEqual([one.says('state'), one.says('reported')], ['done', 'op-2']);
  });

  it('refuses what is no version', async () => {
    const one = node('worker');
    one.ask('v1.34.1; reboot', 'op-1');
    assert.equal(await one.run(), 1);
    assert.match(one.says('message'), /is no version of Kubernetes/);
    assert.deepEqual(one.calls(/^apt-get/), []);
  });

  it('is one at a time, and goes on after it was killed', async () => {
    const one = node('worker');
    one.ask(NEW, 'op-1');
    one.write('hangs', '');
    const first = one.start();
    const ended = new Promise((resolve) => first.on('exit', resolve));
    await waitFor(() => existsSync(join(one.root, 'hanging')));
    assert.equal(one.says('state'), 'running');
    assert.equal(await one.run(), 0);
    assert.equal(one.calls(/^kubeadm upgrade/).length, 1, 'a second run began while the first goes on');
    first.kill('SIGKILL');
    await ended;
    one.remove('hangs');
    await waitFor(async () => {
      assert.equal(await one.run(), 0);
      return one.says('state') === 'done';
    });
    assert.equal(one.calls(/^kubeadm upgrade/).length, 2);
    assert.equal(one.read('running'), NEW);
  });
});
