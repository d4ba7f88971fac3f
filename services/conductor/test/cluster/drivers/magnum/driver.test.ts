import { targets } from '../openstack/clouds.ts';
import { MagnumDriverBench } from './driver-bench.ts';
import { magnumDriverStories } from './stories.ts';

describe('the magnum driver on the simulated cloud', function () {
  this.timeout(60_000);
  magnumDriverStories(() => MagnumDriverBench.start(targets[0]!));
});
