import type { ServerResponse } from 'node:http';
import { sendText } from './exchange.ts';

const CHECKS = [
  'ping',
  'log',
  'etcd',
  'informer-sync',
  'poststarthook/start-kube-apiserver-admission-initializer',
  'poststarthook/generic-apiserver-start-informers',
  'poststarthook/rbac/bootstrap-roles',
  'poststarthook/bootstrap-controller',
  'shutdown',
];

/** Checks only readiness has. */
const READY_ONLY = new Set(['informer-sync', 'shutdown']);

/**
 * Answers `/healthz`, `/livez` and `/readyz`, with `?verbose` and `/<check>`.
 * @param health what ails a component, by name: `etcd` and any check
 * @returns false for another path
 */
export function answerHealth(
  path: string,
  query: URLSearchParams,
  health: ReadonlyMap<string, string>,
  response: ServerResponse,
): boolean {
  const match = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path);
  if (match === null) return false;
  const [, endpoint = '', one] = match;
  const excluded = query.getAll('exclude');
  const checks = CHECKS.filter(
    (check) => (endpoint === 'readyz' || !READY_ONLY.has(check)) && !excluded.includes(check),
  );
  if (one !== undefined) {
    if (!checks.includes(one)) sendText(response, 404, '404 page not found\n');
    else if (health.has(one)) sendText(response, 500, `internal server error: ${health.get(one) ?? ''}\n`);
    else sendText(response, 200, 'ok');
    return true;
  }
  const failed = checks.filter((check) => health.has(check));
  if (failed.length === 0 && !query.has('verbose')) {
    sendText(response, 200, 'ok');
    return true;
  }
  const lines = checks.map((check) =>
    health.has(check) ? `[-]${check} failed: reason withheld` : `[+]${check} ok`,
  );
  const verdict = `${endpoint} check ${failed.length === 0 ? 'passed' : 'failed'}`;
  sendText(response, failed.length === 0 ? 200 : 500, `${[...lines, verdict].join('\n')}\n`);
  return true;
}
