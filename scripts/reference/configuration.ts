import type { TObject } from 'typebox';
import { apiConfig } from '@cetus/api';
import { allInOneConfig } from '@cetus/all-in-one';
import { conductorConfig } from '@cetus/conductor';
import { configurationMarkdown } from '@cetus/shared/service';

const SERVICES: [string, TObject][] = [
  ['api', apiConfig],
  ['conductor', conductorConfig],
  ['all-in-one', allInOneConfig],
];

/** The environment variables of every service, from their schemas. */
export function configurationPage(): string {
  const tables = SERVICES.map(([name, schema]) =>
    configurationMarkdown(name, schema).replace(/^# /, '## ').trim(),
  );
  return [
    '# Configuration',
    '',
    "<!-- Generated from each service's config.ts. -->",
    '',
    'Services are configured by environment variables alone; `npm run service -- <name> --help` prints the same tables. Telemetry is',
    "configured by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, …).",
    '',
    tables.join('\n\n'),
    '',
  ].join('\n');
}
