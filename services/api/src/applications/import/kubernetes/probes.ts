import type { ContainerPort, Probe } from '@cetus/shared/schemas';
import type { Mapping } from '../mapping.ts';
import { given } from '../values.ts';

const MAX_SECONDS = 86_400;

/** The probe of a container. @param ports its own, as probes may name them */
export function probeOf(
  container: Mapping,
  key: 'livenessProbe' | 'readinessProbe' | 'startupProbe',
  ports: readonly ContainerPort[],
): Probe | undefined {
  const probe = container.mapping(key);
  if (probe === undefined) return undefined;
  const action = actionOf(probe, ports);
  const success = probe.integer('successThreshold', 1, 1000);
  const made = given<Probe>({
    ...action,
    initial_delay_seconds: probe.integer('initialDelaySeconds', 0, MAX_SECONDS),
    period_seconds: probe.integer('periodSeconds', 1, MAX_SECONDS),
    timeout_seconds: probe.integer('timeoutSeconds', 1, MAX_SECONDS),
    success_threshold: success,
    failure_threshold: probe.integer('failureThreshold', 1, 1000),
  });
  probe.tell({
    grpc: ['lost', 'There are probes by http, tcp and exec.'],
    terminationGracePeriodSeconds: ['lost', 'A container that fails has the time that its instance has.'],
  });
  probe.rest();
  if (action !== undefined) return made;
  probe.at.lost('It says nothing of how to find out, that is carried over.');
  return undefined;
}

function actionOf(probe: Mapping, ports: readonly ContainerPort[]): Partial<Probe> | undefined {
  const http = probe.mapping('httpGet');
  const tcp = probe.mapping('tcpSocket');
  const exec = probe.mapping('exec');
  for (const one of [http, tcp])
    one?.tell({
      host: ['lost', 'The instance itself is asked.'],
      httpHeaders: ['lost', 'No headers are sent.'],
    });
  if (http !== undefined) {
    const port = portOf(http, ports);
    const [path, scheme] = [http.text('path'), http.text('scheme')];
    http.rest();
    if (port === undefined) return undefined;
    // A path without a slash is one all the same.
    const whole = path === undefined || path === '' ? undefined : path.startsWith('/') ? path : `/${path}`;
    return { http: given({ path: whole, port, scheme: scheme === 'HTTPS' ? scheme : undefined }) };
  }
  if (tcp !== undefined) {
    const port = portOf(tcp, ports);
    tcp.rest();
    return port === undefined ? undefined : { tcp: { port } };
  }
  const command = exec?.texts('command') ?? [];
  exec?.rest();
  return command.length === 0 ? undefined : { exec: { command } };
}

function portOf(action: Mapping, ports: readonly ContainerPort[]): number | undefined {
  const named = ports.find(({ name }) => name !== undefined && name === action.any('port'));
  return named?.port ?? action.integer('port', 1, 65_535);
}
