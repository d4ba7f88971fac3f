import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubernetesConnection, type ConnectionOptions } from '../../src/connection.ts';

/** A server that answers as a test tells it, and connections to it. */
export class ApiServer {
  readonly #server = createServer((request, response) => {
    this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    this.answer(request, response);
  });
  readonly #connections: KubernetesConnection[] = [];
  readonly requests: string[] = [];
  answer: RequestListener = (_request, response) => void response.end();
  url = '';

  async start(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
    return this;
  }

  connect(options: ConnectionOptions = {}): KubernetesConnection {
    const access = { server: `${this.url}/base`, user: 'test', token: 'secret', skipTlsVerify: false };
    const connection = new KubernetesConnection(access, options);
    this.#connections.push(connection);
    return connection;
  }

  /** Ends all sockets, as a network that fails does. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
    this.cut();
    this.#server.close();
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function status(code: number, reason: string, message: string, more: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code, ...more };
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
