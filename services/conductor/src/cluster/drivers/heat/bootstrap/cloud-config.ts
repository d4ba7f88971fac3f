import { stringify } from 'yaml';
import type { NodeDescription, NodeFile } from './node-file.ts';
import { NODE_UNITS } from './node-files.ts';

function writeFile(file: NodeFile): object {
  const base = { path: file.path, owner: 'root:root', permissions: file.mode };
  return 'text' in file
    ? { ...base, content: file.text }
    : { ...base, encoding: 'b64', content: file.base64 };
}

/** User data for cloud-init: `#cloud-config` and YAML, tokens included. */
export function cloudConfig(node: NodeDescription): string {
  const units: NodeFile[] = Object.entries(NODE_UNITS).map(([name, text]) => ({
    path: `/etc/systemd/system/${name}`,
    mode: '0644',
    text,
  }));
  const config = {
    hostname: node.nodeName,
    ...(node.sshPublicKey === undefined ? {} : { ssh_authorized_keys: [node.sshPublicKey.trim()] }),
    write_files: [...node.files, ...units].map(writeFile),
    runcmd: [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', '--no-block', 'cetus-bootstrap.service'],
    ],
  };
  return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}
