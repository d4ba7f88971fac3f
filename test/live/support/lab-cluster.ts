import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { hasStatus } from '@cetus/kubernetes/errors';
import { readKubeconfig, type ClusterAccess } from '@cetus/kubernetes/kubeconfig';
import { collectionPath } from '@cetus/kubernetes/object-path';
import { readWatch, type WatchEvent } from '@cetus/kubernetes/watch-events';
import { requireOrSkip, waitFor, type SkippableContext } from '@cetus/test-kit';
import type { CetusClient } from './client.ts';
import { figure } from './suite.ts';

/** What the pods of tests are made of. */
export const IMAGE = process.env['CETUS_LAB_IMAGE'] ?? 'registry.local/web:1';

/** The lab's Kubernetes, as its administrator sees it. To be closed. */
export class LabCluster {
  readonly kubeconfig: string;
  readonly access: ClusterAccess;
  readonly admin: KubernetesConnection;

  private constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
    this.access = readKubeconfig(kubeconfig);
    this.admin = KubernetesConnection.fromKubeconfig(kubeconfig);
  }

  /** For a `before`: skips the suite where there is none. */
  static require(context: SkippableContext): LabCluster {
    const file = process.env['CETUS_LAB_KUBECONFIG'] ?? '';
    requireOrSkip(context, existsSync(file), 'no Kubernetes is up (CETUS_LAB_KUBECONFIG)');
    return new LabCluster(readFileSync(file, 'utf8'));
  }

  /** Has a project take it in. @returns the cluster's id there */
  async importedBy(client: CetusClient, name: string): Promise<string> {
    const { kubeconfig } = this;
    const answer = await client.send('POST', '/v1/clusters/import', { name, kubeconfig });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const { uuid } = answer.body as { uuid: string };
    assert.equal((await client.settled(uuid)).status, 'CREATE_COMPLETE');
    return uuid;
  }

  /** See {@link removeLeftovers}. */
  removeLeftovers(): Promise<void> {
    return removeLeftovers(this.admin);
  }

  /** The names of the objects of a kind that have the mark of an application, wherever they are; none of a kind that is not served. */
  async marked(apiVersion: string, kind: string, applicationId: string): Promise<string[]> {
    const path = collectionPath({ apiVersion, kind });
    const query = { labelSelector: `cetus.io/application=${applicationId}` };
    try {
      const { items } = await this.admin.get<{ items: { metadata: { name: string } }[] }>(path, { query });
      return items.map(({ metadata }) => metadata.name).sort();
    } catch (error) {
      if (hasStatus(error, 404)) return [];
      throw error;
    }
  }

  /**
   * Begins to watch what is Cetus' of a kind. Resolves once the watch is open.
   * @returns waits for the first event that is as it shall be
   */
  async watch(
    apiVersion: string,
    kind: string,
    is: (event: WatchEvent) => boolean,
    signal: AbortSignal,
  ): Promise<() => Promise<WatchEvent>> {
    const path = collectionPath({ apiVersion, kind });
    const labelSelector = 'app.kubernetes.io/managed-by=cetus';
    const { metadata } = await this.admin.get<{ metadata: { resourceVersion: string } }>(path);
    const { resourceVersion } = metadata;
    const { body } = await this.admin.stream(path, {
      query: { watch: true, labelSelector, resourceVersion },
      signal,
    });
    return async () => {
      for await (const event of readWatch(body, path)) if (is(event)) return event;
      throw new Error(`the watch of ${path} ended`);
    };
  }

  close(): Promise<void> {
    return this.admin.close();
  }
}

/** Removes what a run left behind in a cluster that was ended on its way: nobody remembers it. */
export async function removeLeftovers(admin: KubernetesConnection): Promise<void> {
  const path = '/api/v1/namespaces?labelSelector=app.kubernetes.io/managed-by%3Dcetus';
  const left = async (): Promise<string[]> => {
    const { items } = await admin.get<{ items: { metadata: { name: string } }[] }>(path);
    return items.map(({ metadata }) => metadata.name);
  };
  for (const name of await left()) {
    figure(`removes ${name}, which another run left behind`);
    await admin.request('DELETE', `/api/v1/namespaces/${name}`, {});
  }
  await waitFor(async () => (await left()).length === 0, { timeoutMs: 120_000, what: 'leftovers are gone' });
}
