import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

const LOCAL = 'amqp://guest:guest@127.0.0.1:5672';
/** What a client of AMQP 0-9-1 says first; a broker answers with a method frame (type 1). */
const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

let found: Promise<string | undefined> | undefined;

/**
 * The RabbitMQ for this run of tests: CETUS_TEST_AMQP_URL, else the machine's own with its guest account if it answers, else
 * undefined; then skip by `requireOrSkip`. Suites share it: each gives its topology a prefix of `topologyPrefix`.
 */
export function rabbitUrl(): Promise<string | undefined> {
  found ??= find();
  return found;
}

async function find(): Promise<string | undefined> {
  const configured = process.env.CETUS_TEST_AMQP_URL;
  if (configured !== undefined) return configured;
  return (await speaksAmqp('127.0.0.1', 5672)) ? LOCAL : undefined;
}

/** A prefix for the names of exchanges and queues that no other suite uses. */
export function topologyPrefix(suite: string): string {
  return `cetus-test.${suite.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 40)}.${randomBytes(4).toString('hex')}.`;
}

/** Whether a broker of AMQP 0-9-1 answers at an address. */
export function speaksAmqp(host: string, port: number, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => socket.write(PROTOCOL_HEADER));
    socket.once('data', (data) => done(data[0] === 1));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
    socket.once('close', () => done(false));
  });
}
