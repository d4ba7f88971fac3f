/** A process that takes commands and ends none: `dying-consumer <url> <prefix> <service> <kind>`. */
import { connectRabbitBus } from '@cetus/shared/bus';

const [url = '', prefix = '', service = '', kind = ''] = process.argv.slice(2);
const bus = await connectRabbitBus({ url, prefix, services: {}, onProblem: () => undefined });
await bus.consumeCommands({
  service,
  kinds: [kind],
  prefetch: 5,
  handler: ({ id }) => {
    process.stdout.write(`took ${id}\n`);
    return new Promise(() => undefined);
  },
});
