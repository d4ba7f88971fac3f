/** A file a node finds at its first boot. `base64` names a token whose replacement is the content in base64. */
export type NodeFile = { path: string; mode: '0600' | '0644' | '0700' } & (
  { text: string } | { base64: string }
);

/** `init` starts the control plane, `control-plane` are the masters that join it, `worker` the others. */
export type NodeRole = 'init' | 'control-plane' | 'worker';

/** A node before it is written in the form its distribution reads. */
export interface NodeDescription {
  nodeName: string;
  sshPublicKey?: string | undefined;
  files: NodeFile[];
}

/** Quotes a value for a POSIX shell. */
export function shellQuote(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
