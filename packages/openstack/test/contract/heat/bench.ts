import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { HeatClient, type CreateStack, type Stack } from '../../../src/heat.ts';
import type { KeystoneSession } from '../../../src/keystone.ts';
import { targets, uniqueName, type Cloud } from '../targets.ts';

export interface StackNames {
  name: string;
  id: string;
}

/** A cloud's Heat as user `demo` sees it, and the stacks made there. */
export class HeatBench {
  cloud!: Cloud;
  session!: KeystoneSession;
  heat!: HeatClient;
  readonly #made: StackNames[] = [];
  #close: (() => Promise<void>) | undefined;

  /** Makes a stack of a name of its own, which `close` deletes. */
  async create(stack: Omit<CreateStack, 'name'>): Promise<StackNames> {
    const name = uniqueName('contract');
    const ref = { name, id: (await this.heat.createStack({ name, ...stack })).id };
    this.#made.push(ref);
    return ref;
  }

  /** The stack when no action is under way any more. */
  async settled(ref: StackNames): Promise<Stack> {
    for (;;) {
      const stack = await this.heat.getStack(ref);
      assert.ok(stack !== null);
      if (!stack.stack_status.endsWith('IN_PROGRESS')) return stack;
      await delay(100);
    }
  }

  open(cloud: Cloud): void {
    this.cloud = cloud;
    this.#close = () => cloud.close();
    this.session = cloud.session('demo', 'demo');
    this.heat = new HeatClient(this.session);
  }

  async close(): Promise<void> {
    for (const ref of this.#made) await this.heat.deleteStack(ref);
    await this.#close?.();
  }
}

/** One topic of what every Heat is held to, for each of the clouds. */
export function heatContract(topic: string, define: (bench: HeatBench) => void): void {
  for (const target of targets) {
    describe(`Heat contract, ${topic}: ${target.name}`, function () {
      this.timeout(90_000);
      const bench = new HeatBench();
      before(async () => bench.open(await target.start()));
      after(() => bench.close());
      define(bench);
    });
  }
}
