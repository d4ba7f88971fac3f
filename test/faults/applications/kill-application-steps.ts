import { strict as assert } from 'node:assert';
import { namespaceOf } from '@cetus/shared/applications';
import type { ObjectState, StoredApplication } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import type { Db } from 'mongodb';
import type { Member } from '../../integration/support/installation.ts';
import type { RoundResult } from '../steps/run-round.ts';
import { READY_MS, type Stage } from '../steps/step.ts';
import { Site } from './site.ts';

/** The name of this part, for whoever runs some steps only. */
export const APPLICATION_STEPS = 'applications';

/** Clusters, each with a gate one write further: more than any of the steps has writes. */
const SITES = 18;
const END_MS = 120_000;
/** With fewer, something else than the steps was tried. */
const FEWEST_POINTS = 2;

type Then = 'hold' | 'swallow';

/** What is asked of an application of each cluster, and what must be there in the end. */
interface Act {
  name: 'create' | 'update' | 'delete';
  ask: (stage: Stage, site: Site, application: string) => Promise<string>;
  end: ObjectState | 'gone';
  expected: (name: string) => string[];
}

const form = (site: Site) => ({
  name: `app-${site.name}`,
  kind: 'stateless',
  placements: [{ cluster: site.uuid }],
  containers: [
    {
      name: 'web',
      image: 'registry.local/web:1',
      ports: [{ port: 8080 }],
      mounts: [{ config: 'files', path: '/etc/web' }],
    },
  ],
  config_files: [{ name: 'files', files: { 'a.conf': 'one' } }],
  exposure: { type: 'node_port', ports: [{ port: 80, target_port: 8080 }] },
});

const ACTS: readonly Act[] = [
  {
    name: 'create',
    ask: async ({ client }, site) =>
      (await client.ok<{ uuid: string }>('/v1/applications', { method: 'POST', body: form(site) })).uuid,
    end: 'CREATE_COMPLETE',
    expected: (name) => [
      `ConfigMap/${name}-files`,
      `Deployment/${name}`,
      `NetworkPolicy/${name}`,
      'Pod',
      `Service/${name}`,
    ],
  },
  {
    name: 'update',
    ask: async ({ client }, site, application) => {
      const body = {
        ...form(site),
        containers: [{ name: 'web', image: 'registry.local/web:2', ports: [{ port: 8080 }] }],
        config_files: [],
        exposure: { type: 'none' },
        secrets: [{ name: 'added', values: { a: 'b' } }],
      };
      await client.ok(`/v1/applications/${application}`, { method: 'PUT', body });
      return application;
    },
    end: 'UPDATE_COMPLETE',
    expected: (name) => [`Deployment/${name}`, 'Pod', `Secret/${name}-added`],
  },
  {
    name: 'delete',
    ask: async ({ client }, _, application) => {
      await client.ok(`/v1/applications/${application}`, { method: 'DELETE' });
      return application;
    },
    end: 'gone',
    expected: () => [],
  },
];

/**
 * Kills the conductor between any two writes to the cluster of a create, an update and a delete of an application, once before and once
 * after each write was carried out; then everything must be there once, nothing else, and what is others' as it was.
 */
export async function killApplicationSteps(stage: Stage, db: Db, conductor: Member): Promise<RoundResult> {
  const result: RoundResult = { steps: {}, accepted: [], violations: [] };
  const sites = await Promise.all(Array.from({ length: SITES }, (_, index) => Site.make(stage, index)));
  result.accepted.push(...sites.map(({ uuid }) => uuid));
  try {
    for (const then of ['hold', 'swallow'] as const) {
      const applications = new Map<Site, string>();
      for (const act of ACTS) await killWithin(stage, conductor, { sites, applications, act, then }, result);
    }
    await Promise.all(
      sites.map(async (site) => {
        for (const mark of await site.marks())
          result.violations.push(`${site.name} has something of ${mark}`);
        result.violations.push(...(await site.foreignChanged()));
      }),
    );
    result.violations.push(...(await unevenSequences(db)));
  } finally {
    await Promise.all(sites.map((site) => site.close()));
  }
  return result;
}

interface Round {
  sites: readonly Site[];
  applications: Map<Site, string>;
  act: Act;
  then: Then;
}

async function killWithin(
  stage: Stage,
  conductor: Member,
  { sites, applications, act, then }: Round,
  result: RoundResult,
): Promise<void> {
  const name = `application ${act.name}, ${then === 'hold' ? 'before' : 'after'} each write`;
  await Promise.all(sites.map((site, index) => site.gate({ after: index, then })));
  await Promise.all(
    sites.map(async (site) => {
      applications.set(site, await act.ask(stage, site, applications.get(site) ?? ''));
    }),
  );
  // Those with fewer writes than their gate lets through come to their end meanwhile.
  const held = await waitFor(
    async () => {
      const all = await Promise.all(
        sites.map(async (site) => {
          const { waiting, passed } = await site.writes();
          return { waiting: waiting > 0, passed, ended: await hasEnded(stage, applications.get(site) ?? '') };
        }),
      );
      return all.every(({ waiting, ended }) => waiting || ended) && all;
    },
    { timeoutMs: READY_MS, what: `${name}: every cluster has come to its write` },
  );
  await conductor.kill9();
  const killedAt = Date.now();
  await Promise.all(sites.map((site) => site.gate(null)));
  await conductor.restart();
  const points = held.filter(({ waiting }) => waiting).length;
  if (points < FEWEST_POINTS) result.violations.push(`${name}: only ${String(points)} points were met`);
  await Promise.all(
    sites.map(async (site) => {
      const uuid = applications.get(site) ?? '';
      try {
        await untilEnd(stage, uuid, act.end);
        const expected = act.expected(`app-${site.name}`);
        await waitFor(async () => (await site.marked(uuid)).join() === expected.join(), {
          timeoutMs: READY_MS,
          what: `${site.name} has ${expected.join()}`,
        }).catch(async () => {
          throw new Error(`there is ${(await site.marked(uuid)).join()}, not ${expected.join()}`);
        });
        if (act.name === 'update') {
          const { user_id, project_id } = await stored(stage, uuid);
          const image = await site.image(namespaceOf(project_id, user_id), `app-${site.name}`);
          assert.equal(image, 'registry.local/web:2');
        }
        if (act.name === 'create') {
          const { user_id, project_id } = await stored(stage, uuid);
          // The first time the namespace goes with the application, the second time somebody else has something in it.
          if (then === 'swallow') await site.addForeign(project_id, user_id);
        }
      } catch (error) {
        result.violations.push(`${name}: ${site.name}: ${String(error)}`);
      }
    }),
  );
  result.steps[name] = `${String(points)} points, ${((Date.now() - killedAt) / 1_000).toFixed(1)} s`;
}

async function stored({ db }: Stage, uuid: string): Promise<StoredApplication> {
  const found = await db.collection<StoredApplication>('applications').findOne({ _id: uuid });
  assert.ok(found, `${uuid} is not stored`);
  return found;
}

async function hasEnded(stage: Stage, uuid: string): Promise<boolean> {
  const { operation } = await stored(stage, uuid);
  return operation?.state !== 'IN_PROGRESS';
}

async function untilEnd(stage: Stage, uuid: string, end: Act['end']): Promise<void> {
  const state = end === 'gone' ? 'DELETE_COMPLETE' : end;
  const found = await waitFor(
    async () => {
      const { status, operation } = await stored(stage, uuid);
      return operation?.state !== 'IN_PROGRESS' && status;
    },
    { timeoutMs: END_MS, what: `application ${uuid} is ${state}` },
  );
  assert.equal(found.state, state, found.state_reason ?? '');
}

/** Applications whose notifications are not counted from 1 without a gap. */
async function unevenSequences(db: Db): Promise<string[]> {
  const applications = await db.collection<StoredApplication>('applications').find().toArray();
  const wrong: string[] = [];
  for (const { _id, sequence } of applications) {
    const recorded = await db
      .collection<{ _id: string; subject: string; sequence: number }>('events')
      .find({ subject: _id })
      .sort({ sequence: 1 })
      .toArray();
    const numbers = recorded.map((event) => event.sequence);
    if (numbers.length !== sequence || numbers.some((number, index) => number !== index + 1))
      wrong.push(`application ${_id} is at ${String(sequence)}, recorded are ${numbers.join(' ')}`);
  }
  return wrong;
}
