import type { NodeDescription, NodeFile } from './node-file.ts';
import { NODE_UNITS } from './node-files.ts';
import { hasTokens, WORKER_INDEX } from './tokens.ts';
import { UPGRADE_TIMER } from './upgrade-script.ts';

const IGNITION_VERSION = '3.2.0';

/** RFC 2397; the five characters `encodeURIComponent` leaves are escaped too, Heat's placeholder is kept readable. */
function escapeDataUrl(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll(encodeURIComponent(WORKER_INDEX), WORKER_INDEX);
}

function dataUrl(file: NodeFile): string {
  if (!('text' in file)) return `data:;base64,${file.base64}`;
  // Base64 is the shorter form, but Heat cannot look into it.
  if (hasTokens(file.text)) return `data:,${escapeDataUrl(file.text)}`;
  return `data:;base64,${Buffer.from(file.text, 'utf8').toString('base64')}`;
}

function storageFile(file: NodeFile): object {
  const source = dataUrl(file);
  return { path: file.path, mode: Number.parseInt(file.mode, 8), overwrite: true, contents: { source } };
}

/**
 * User data for Ignition (Fedora CoreOS): JSON of specification 3.2, tokens included.
 * Tokens consist of characters that a data URL leaves as they are, so Heat still finds them.
 */
export function ignitionConfig(node: NodeDescription): string {
  const hostname: NodeFile = { path: '/etc/hostname', mode: '0644', text: `${node.nodeName}\n` };
  return JSON.stringify({
    ignition: { version: IGNITION_VERSION },
    ...(node.sshPublicKey === undefined
      ? {}
      : { passwd: { users: [{ name: 'core', sshAuthorizedKeys: [node.sshPublicKey.trim()] }] } }),
    storage: { files: [hostname, ...node.files].map(storageFile) },
    systemd: {
      units: [
        ...Object.entries(NODE_UNITS).map(([name, contents]) => ({
          name,
          // The others are started by something else.
          ...(contents.includes('[Install]') && name !== UPGRADE_TIMER ? { enabled: true } : {}),
          contents,
        })),
        // It would reboot masters whenever an update appears, several at once.
        { name: 'zincati.service', enabled: false },
      ],
    },
  });
}
