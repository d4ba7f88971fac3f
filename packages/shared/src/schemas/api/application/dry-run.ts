import { Type, type Static } from 'typebox';
import { Uuid } from '../../common.ts';
import { Ref } from '../fields.ts';
import type { QosView } from './view.ts';

const Problem = Type.Unsafe<{ code: string; message: string } | null>({
  type: ['object', 'null'],
  required: ['code', 'message'],
  properties: { code: { type: 'string' }, message: { type: 'string' } },
  description: 'Why nothing could be asked; null when it could.',
});

/** What `?dry_run=true` answers. */
export const DryRunView = Type.Object(
  {
    admitted: Type.Boolean({ description: 'Whether every cluster was asked, and admits it.' }),
    qos: Ref<QosView>('ApplicationQos'),
    placements: Type.Array(
      Type.Object({
        cluster_id: Uuid,
        cluster_name: Type.String(),
        namespace: Type.String(),
        admitted: Type.Boolean(),
        problem: Problem,
        objects: Type.Array(
          Type.Object({
            api_version: Type.String(),
            kind: Type.String(),
            name: Type.String(),
            manifest: Type.Unsafe<Record<string, unknown>>({
              type: 'object',
              additionalProperties: true,
              description: 'As it would be applied, without the values of secrets.',
            }),
            refusal: Type.Unsafe<{ code: string; message: string; fields: string[] } | null>({
              type: ['object', 'null'],
              required: ['code', 'message', 'fields'],
              properties: {
                code: { type: 'string' },
                message: { type: 'string' },
                fields: { type: 'array', items: { type: 'string' } },
              },
              description: 'Why the cluster does not admit it; null: it does.',
            }),
            warnings: Type.Array(Type.String(), { description: 'What the cluster warns of.' }),
          }),
        ),
      }),
    ),
  },
  { $id: 'ApplicationDryRun', description: 'What an application would be, and what its clusters say to it.' },
);
export type DryRunView = Static<typeof DryRunView>;
