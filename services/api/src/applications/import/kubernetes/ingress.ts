import { Mapping } from '../mapping.ts';
import type { Place } from '../report.ts';
import { specOf, tellAnnotations, type KubernetesObject } from './objects.ts';

/** A path of a rule of an Ingress. */
export interface IngressRule {
  /** Empty: it has none. */
  host: string;
  path: string | undefined;
  /** The name of a Service, and the number or the name of its port. */
  service: string;
  port: string | number | undefined;
  className: string | undefined;
  tlsSecret: string | undefined;
  at: Place;
}

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/** The paths of an Ingress, in its order. Source: https://kubernetes.io/docs/concepts/services-networking/ingress/ */
export function ingressOf({ fields, at }: KubernetesObject): IngressRule[] {
  const whole = new Mapping(fields, at);
  const metadata = whole.mapping('metadata');
  const annotated = metadata?.mapping('annotations')?.text(CLASS_ANNOTATION);
  if (metadata !== undefined) tellAnnotations(metadata, [CLASS_ANNOTATION]);
  const spec = specOf(new Mapping(fields, at), ['annotations']);
  const className = spec.text('ingressClassName') ?? annotated;
  const secrets = spec.mappings('tls').map((tls) => {
    const [hosts, name] = [tls.texts('hosts'), tls.text('secretName')];
    tls.rest();
    return { hosts, name };
  });
  const rules = spec.mappings('rules').flatMap((rule) => {
    const host = rule.text('host') ?? '';
    const http = rule.mapping('http');
    const tls = secrets.find(({ hosts }) => hosts.length === 0 || hosts.includes(host));
    const paths = (http?.mappings('paths') ?? []).map((path): IngressRule => ({
      host,
      ...backendOf(path),
      path: pathOf(path),
      className,
      tlsSecret: tls?.name,
      at: path.at,
    }));
    http?.rest();
    rule.rest();
    return paths;
  });
  spec.tell({
    defaultBackend: ['lost', 'Without a host there is no rule.'],
    backend: ['lost', 'Without a host there is no rule.'],
  });
  spec.rest();
  return rules;
}

function pathOf(path: Mapping): string | undefined {
  const text = path.text('path') || undefined;
  const type = path.text('pathType');
  if (type !== undefined && type !== 'Prefix') path.at.in('pathType').changed('It is Prefix now.');
  path.rest();
  return text === '/' ? undefined : text;
}

function backendOf(path: Mapping): { service: string; port: string | number | undefined } {
  const backend = path.mapping('backend');
  const service = backend?.mapping('service');
  const port = service?.mapping('port');
  const found = port?.any('number') ?? port?.any('name') ?? backend?.any('servicePort');
  const name = service?.text('name') ?? backend?.text('serviceName') ?? '';
  backend?.tell({ resource: ['lost', 'Only Services are reached.'] });
  for (const one of [port, service, backend]) one?.rest();
  return { service: name, port: typeof found === 'number' || typeof found === 'string' ? found : undefined };
}
