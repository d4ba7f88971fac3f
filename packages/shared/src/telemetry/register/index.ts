import { startTelemetry } from '../telemetry.ts';

/**
 * Starts telemetry before anything else is imported: `node --import @cetus/shared/telemetry/register dist/main.js`. The name
 * in traces is OTEL_SERVICE_NAME. Without an OTEL endpoint it does nothing.
 */
export const telemetry = await startTelemetry({ service: 'cetus' });

// Ends with the event loop; a service that ends by signal stops it as its last resource, by `telemetry.stop`.
process.once('beforeExit', () => {
  telemetry.stop().catch((error: unknown) => {
    process.stderr.write(`the last traces could not be sent: ${String(error)}\n`);
  });
});
