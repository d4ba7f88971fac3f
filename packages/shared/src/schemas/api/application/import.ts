import { Type, type Static } from 'typebox';
import { Uuid } from '../../common.ts';
import { Enum, WELL_FORMED } from '../fields.ts';
import { MAX_ITEMS, Quantity, Text } from './fields.ts';
import type { ApplicationCreate } from './form.ts';
import { Placement } from './placement.ts';

const closed = { additionalProperties: false } as const;

/** Bytes of what is imported at once, as UTF-8. */
export const MAX_IMPORT_BYTES = 512 * 1024;
/** Applications that one import makes at most. */
export const MAX_IMPORTED = 100;

/** What can be imported; `auto`: it is told by what is there. */
export const IMPORT_FORMATS = ['auto', 'compose', 'kubernetes'] as const;

const Values = (keyPattern: string, description: string) =>
  Type.Unsafe<Record<string, string>>({
    type: 'object',
    maxProperties: 256,
    propertyNames: { type: 'string', pattern: keyPattern },
    additionalProperties: Text,
    description,
  });

/** The body of `POST /v1/applications/import`. */
export const ApplicationImport = Type.Object(
  {
    format: Enum(IMPORT_FORMATS, { description: 'What `content` is; `auto`: it is told by what is there.' }),
    content: Type.String({
      minLength: 1,
      maxLength: MAX_IMPORT_BYTES,
      pattern: WELL_FORMED,
      description: 'A Compose file, or manifests of Kubernetes, as YAML or JSON; 512 KiB at most.',
    }),
    placements: Type.Array(Placement, {
      minItems: 1,
      maxItems: MAX_ITEMS,
      description: 'Where each of the applications runs.',
    }),
    variables: Type.Optional(
      Values(
        '^[A-Za-z_][A-Za-z0-9_]{0,254}$',
        'What `${NAME}` in a Compose file stands for, and what its services take from the environment.',
      ),
    ),
    secrets: Type.Optional(
      Values(
        '^[A-Za-z0-9._-]{1,253}$',
        'The values of the secrets of a Compose file, by name. Never answered.',
      ),
    ),
    profiles: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
        maxItems: MAX_ITEMS,
        description: 'The profiles of a Compose file whose services are wanted; `*`: all.',
      }),
    ),
    default_volume_size: Type.Optional(
      Quantity('Bytes of a volume where nothing says how large it is; default `10Gi`.'),
    ),
    exposure: Type.Optional(
      Enum(['cluster_ip', 'node_port', 'load_balancer'], {
        description: 'How the ports that a Compose file publishes are reached; default `node_port`.',
      }),
    ),
  },
  { ...closed, $id: 'ApplicationImport', description: 'What is there already, to become applications.' },
);
export type ApplicationImport = Static<typeof ApplicationImport>;

/** The query of `POST /v1/applications/import`. */
export const ApplicationImportQuery = Type.Object(
  {
    dry_run: Type.Optional(Type.Boolean({ description: 'Nothing is made; the answer says what would be.' })),
  },
  closed,
);

/** How much it matters that something is not as it was. */
export const IMPORT_SEVERITIES = ['lost', 'changed', 'note'] as const;
export type ImportSeverity = (typeof IMPORT_SEVERITIES)[number];

const Source = Type.String({
  description: 'What it was made of, such as `services/web` or `Deployment/web`.',
});

const ReportItem = Type.Object(
  {
    source: Source,
    path: Type.String({
      description: 'The field there, with slashes, as in a JSON Pointer; empty: all of it.',
    }),
    severity: Enum(IMPORT_SEVERITIES, {
      description:
        '`lost`: it is not carried over; `changed`: it is, as something else; `note`: worth knowing.',
    }),
    message: Type.String({ description: 'A sentence for people.' }),
  },
  { description: 'Something that is not carried over as it was.' },
);
export type ImportReportItem = Static<typeof ReportItem>;

const Report = Type.Array(ReportItem, { description: 'All that is not carried over as it was.' });

const FormProblem = Type.Object({
  code: Type.String(),
  field: Type.String({ description: 'The field of the form, with slashes.' }),
  detail: Type.String({ description: 'A sentence that begins with the field.' }),
});
export type ImportProblem = Static<typeof FormProblem>;

/** What `?dry_run=true` answers. */
export const ImportPreview = Type.Object(
  {
    applications: Type.Array(
      Type.Object({
        source: Source,
        form: Type.Unsafe<ApplicationCreate>({
          type: 'object',
          additionalProperties: true,
          description: 'As `POST /v1/applications` takes it, without the values of secrets.',
        }),
        problems: Type.Array(FormProblem, { description: 'Why it could not be made as it is.' }),
      }),
    ),
    report: Report,
  },
  { $id: 'ApplicationImportPreview', description: 'What an import would make.' },
);
export type ImportPreview = Static<typeof ImportPreview>;

/** What an import answers. */
export const ImportResult = Type.Object(
  {
    applications: Type.Array(Type.Object({ uuid: Uuid, name: Type.String(), source: Source }), {
      description: 'Those that were accepted.',
    }),
    refused: Type.Array(
      Type.Object({ name: Type.String(), source: Source, code: Type.String(), detail: Type.String() }),
      {
        description:
          'Those that were not, although nothing was wrong with them before: another request took a name meanwhile, or something failed. The same request with the same Idempotency-Key tries them again.',
      },
    ),
    report: Report,
  },
  { $id: 'ApplicationImportResult', description: 'What an import has made.' },
);
export type ImportResult = Static<typeof ImportResult>;
