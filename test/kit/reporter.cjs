// Mocha's `spec`, which also says what failed and passed when it was tried again (`--retries`): such a test, or what it tests, has a fault.
const { reporters, Runner } = require('mocha');

module.exports = class SpecWithRepeats extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const repeated = [];
    runner.on(Runner.constants.EVENT_TEST_RETRY, (test, error) =>
      repeated.push(
        `  ${test.fullTitle()}\n    ${(error.stack ?? String(error)).replaceAll('\n', '\n    ')}\n`,
      ),
    );
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      if (repeated.length > 0)
        process.stderr.write(`\nREPEATED ${repeated.length} that had failed:\n${repeated.join('')}`);
    });
  }
};
