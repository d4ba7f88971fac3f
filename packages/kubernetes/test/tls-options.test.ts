import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { createAuthority, issueCertificate } from '@cetus/shared/pki';
import { KubernetesConnection } from '../src/connection.ts';
import { KubernetesUnreachableError } from '../src/errors.ts';
import { sendJson } from './support/api-server.ts';

describe('The TLS of a connection', () => {
  const authority = createAuthority({ commonName: 'test', days: 1 });
  const names: unknown[] = [];
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  let server: Server;
  let port: string;

  before(async () => {
    const { certificate: cert, key } = issueCertificate(authority, {
      commonName: 'kube-apiserver',
      dnsNames: ['api.example', 'localhost'],
      ipAddresses: ['127.0.0.1', '10.0.0.1'],
      usages: ['server'],
      days: 1,
    });
    server = createServer({ cert, key }, (request, response) => {
      names.push((request.socket as TLSSocket).servername);
      sendJson(response, 200, {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = String((server.address() as AddressInfo).port);
    process.on('warning', note);
  });
  after(() => {
    process.off('warning', note);
    server.closeAllConnections();
    server.close();
  });

  /** Asks once. @returns the name that the server was sent, false when none was */
  async function ask(host: string, tlsServerName?: string): Promise<unknown> {
    const connection = new KubernetesConnection({
      server: `https://${host}:${port}`,
      user: 'test',
      token: 'secret',
      skipTlsVerify: false,
      authorityCertificate: authority.certificate,
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
    });
    try {
      await connection.get('/version');
      return names.at(-1);
    } finally {
      await connection.close();
    }
  }

  const mismatch = (error: unknown): boolean =>
    error instanceof KubernetesUnreachableError && error.code === 'ERR_TLS_CERT_ALTNAME_INVALID';

  it('sends a name, and has the certificate be for it', async () => {
    assert.equal(await ask('127.0.0.1', 'api.example'), 'api.example');
    await assert.rejects(ask('127.0.0.1', 'other.example'), mismatch);
    assert.equal(await ask('localhost'), 'localhost');
  });

  it('never sends an address as a name, and has the certificate be for it all the same', async () => {
    assert.equal(await ask('127.0.0.1'), false);
    assert.equal(await ask('127.0.0.1', '10.0.0.1'), false);
    await assert.rejects(ask('127.0.0.1', '10.0.0.2'), mismatch);
    await assert.rejects(ask('127.0.0.1', '::1'), mismatch);
    // Warnings come with the next turn.
    await turn();
    assert.deepEqual(warnings, []);
  });
});
