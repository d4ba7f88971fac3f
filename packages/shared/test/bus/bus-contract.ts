import assert from 'node:assert/strict';
import { rabbitUrl, requireOrSkip, topologyPrefix } from '@cetus/test-kit';
import type { Bus } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import { inProcessHarness, rabbitHarness, uniqueService, type BusHarness } from './harness.ts';

const IN_PROCESS = 'in process';

/** What the tests of a part of the contract have: opened before they run. */
export interface Contract {
  harness: BusHarness;
  bus: Bus;
  /** Another one, to be closed by the test: in a process there is but one for all. */
  ofItsOwn(): Promise<Bus>;
}

/** One part of what every bus must do, as a suite for each bus that there is. */
export function busContract(part: string, tests: (contract: Contract) => void): void {
  const suite = (name: string, open: (context: Mocha.Context) => Promise<BusHarness>): void => {
    describe(`The bus contract, ${part}: ${name}`, () => {
      const contract = {
        ofItsOwn: () => (name === IN_PROCESS ? inProcessHarness() : contract.harness).join(),
      } as Contract;
      before(async function () {
        contract.harness = await open(this);
        contract.bus = await contract.harness.join();
      });
      // Nothing was opened when the suite is skipped.
      after(async () => (contract.harness as BusHarness | undefined)?.end());
      tests(contract);
    });
  };
  suite(IN_PROCESS, async () => inProcessHarness());
  suite('RabbitMQ', async (context) => {
    const url = await rabbitUrl();
    requireOrSkip(context, url, 'no RabbitMQ answers');
    return rabbitHarness(url, topologyPrefix('bus-contract'));
  });
}

/** Whether an error is of a code. */
export const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof CetusError, String(error));
  assert.equal(error.code, expected);
  return true;
};

/** A request there and back: what was on its way before is there when it ends. */
export async function roundTrip(bus: Bus): Promise<void> {
  const { service } = uniqueService();
  const server = await bus.serveRequests(service, async () => null);
  await bus.request(service, 'ping', {}, { timeoutMs: 5_000 });
  await server.close();
}
