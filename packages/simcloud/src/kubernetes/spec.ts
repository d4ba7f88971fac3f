/** A machine of a cluster. */
export interface SimNode {
  name: string;
  role: 'master' | 'worker';
  address: string;
  /** E.g. `v1.33.2`. */
  version: string;
  /** The id of the machine itself: as long as it is the same, the node keeps the version that it has brought itself to. */
  machine?: string;
  /** Whether it upgrades itself when its Node asks for it. */
  upgradesItself?: boolean;
  labels?: Record<string, string>;
  /** Undefined: a master's own, of kubeadm; none of a worker. */
  taints?: { key: string; value?: string; effect: string }[];
}

/** A cluster as it shall be. */
export interface SimClusterSpec {
  id: string;
  /** Where the API listens: on Linux any address of 127.0.0.0/8. */
  address: string;
  /** 0: a free one. */
  port: number;
  /** PEM texts. The authority signs the API's certificate and client certificates are verified by it. */
  authority: { certificate: string; key: string };
  serviceAccountKey?: string;
  /** Users by bearer token. */
  tokens?: Record<string, { user: string; groups: string[] }>;
  /** Version of the control plane, e.g. `v1.33.2`. */
  version: string;
  nodes: SimNode[];
  /**
   * Whether a cloud controller manager runs in it, which takes out the Node of a machine that has gone. Default: no. Then such a Node stays,
   * not ready, until somebody deletes it.
   */
  cloudControllers?: boolean;
}
