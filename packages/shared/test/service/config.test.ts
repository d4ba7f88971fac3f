import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Type } from 'typebox';
import {
  ConfigError,
  ConfigSchemaError,
  configurationHelp,
  configurationMarkdown,
  defineConfig,
  hideUserinfo,
  keystoneCredentials,
  keystoneVariables,
  loadConfig,
  optionalBackboneVariables,
  processVariables,
  redactConfig,
} from '@cetus/shared/service';

const schema = defineConfig({
  CETUS_PORT: Type.Integer({ description: 'The port.', unit: 'TCP port', default: 9511, maximum: 65535 }),
  CETUS_NAME: Type.String({ description: 'A name.' }),
  CETUS_DEBUG: Type.Boolean({ description: 'A switch.', default: false }),
  CETUS_KEY: Type.Optional(Type.String({ description: 'A key.', secret: true })),
  ...optionalBackboneVariables,
  ...processVariables,
});

function problemsOf(environment: Record<string, string>, alsoKnown: string[] = []): Record<string, string> {
  try {
    loadConfig(schema, environment, { alsoKnown });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return Object.fromEntries(error.problems.map(({ variable, message }) => [variable, message]));
  }
  return {};
}

describe('service: loadConfig', () => {
  it('converts values, fills in defaults, and freezes the result', () => {
    const config = loadConfig(schema, {
      CETUS_NAME: 'a',
      CETUS_PORT: '80',
      CETUS_DEBUG: 'true',
      PATH: '/bin',
    });
    assert.equal(config.CETUS_PORT, 80);
    assert.equal(config.CETUS_DEBUG, true);
    assert.equal(config.CETUS_SHUTDOWN_SECONDS, 25);
    assert.equal(config.CETUS_KEY, undefined);
    assert.ok(Object.isFrozen(config));
    assert.equal('PATH' in config, false);
  });

  it('takes a variable that is set to nothing as not set', () => {
    assert.equal(loadConfig(schema, { CETUS_NAME: 'a', CETUS_PORT: '' }).CETUS_PORT, 9511);
    assert.deepEqual(problemsOf({ CETUS_NAME: '' }), { CETUS_NAME: 'is not set' });
  });

  it('reports every problem at once, by name', () => {
    const problems = problemsOf({ CETUS_PORT: 'many', CETUS_LOG_LEVEL: 'loud', CETUS_MONGODB_ULR: 'x' });
    assert.deepEqual(Object.keys(problems).sort(), [
      'CETUS_LOG_LEVEL',
      'CETUS_MONGODB_ULR',
      'CETUS_NAME',
      'CETUS_PORT',
    ]);
    assert.equal(problems.CETUS_MONGODB_ULR, 'is not known; did you mean CETUS_MONGODB_URL?');
    assert.match(problems.CETUS_LOG_LEVEL ?? '', /fatal, error, warn/);
    assert.match(problems.CETUS_PORT ?? '', /integer/);
  });

  it('never shows the value of a secret in a problem', () => {
    const problems = problemsOf({ CETUS_NAME: 'a', CETUS_AMQP_URL: 'http://guest:hunter2@host' });
    assert.deepEqual(Object.keys(problems), ['CETUS_AMQP_URL']);
    assert.ok(!JSON.stringify(problems).includes('hunter2'));
  });

  it("allows other services' variables, the test kit's, and what Kubernetes adds for a Service", () => {
    const environment = {
      CETUS_NAME: 'a',
      CETUS_OTHER: '1',
      CETUS_TEST_AMQP_URL: 'x',
      CETUS_API_SERVICE_HOST: '10.0.0.1',
      CETUS_API_SERVICE_PORT_HTTP: '9511',
      CETUS_API_PORT_9511_TCP_ADDR: '10.0.0.1',
    };
    assert.deepEqual(problemsOf(environment, ['CETUS_OTHER']), {});
  });

  it('explains a value that Kubernetes put in the place of a port', () => {
    const problems = problemsOf({ CETUS_NAME: 'a', CETUS_PORT: 'tcp://10.0.0.1:9511' });
    assert.match(problems.CETUS_PORT ?? '', /enableServiceLinks/);
  });

  it('accepts exactly the integers in range', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), (port) => {
        const rejected = 'CETUS_PORT' in problemsOf({ CETUS_NAME: 'a', CETUS_PORT: String(port) });
        assert.equal(rejected, port > 65535);
      }),
      { numRuns: 50 },
    );
  });
});

describe('service: defineConfig', () => {
  it('refuses a variable without a description, or a number without a unit', () => {
    assert.throws(() => defineConfig({ CETUS_X: Type.String() }), ConfigSchemaError);
    assert.throws(() => defineConfig({ CETUS_X: Type.Integer({ description: 'X.' }) }), ConfigSchemaError);
    assert.throws(() => defineConfig({ cetus_x: Type.String({ description: 'X.' }) }), ConfigSchemaError);
  });
});

describe('service: what is shown of a configuration', () => {
  it('hides secrets, and of URLs the user and the password', () => {
    const config = loadConfig(schema, {
      CETUS_NAME: 'a',
      CETUS_KEY: 'hunter2',
      CETUS_AMQP_URL: 'amqp://user:hunter2@rabbit:5672/x',
    });
    const shown = redactConfig(schema, config);
    assert.equal(shown.CETUS_KEY, '[redacted]');
    assert.equal(shown.CETUS_AMQP_URL, 'amqp://[redacted]@rabbit:5672/x');
    assert.equal(shown.CETUS_NAME, 'a');
  });

  it('hides the password wherever a URL stands in a text', () => {
    assert.equal(hideUserinfo('to mongodb+srv://a:b@c/d failed'), 'to mongodb+srv://[redacted]@c/d failed');
    assert.equal(hideUserinfo('http://host/a@b'), 'http://host/a@b');
  });

  it('lists every variable with its default, unit and meaning', () => {
    const help = configurationHelp('api', schema);
    assert.match(help, /CETUS_PORT +9511 +integer, TCP port +The port\./);
    assert.match(help, /CETUS_NAME +required/);
    assert.match(help, /CETUS_KEY +not set/);
    const markdown = configurationMarkdown('api', schema);
    assert.match(markdown, /^## api\n/);
    assert.match(markdown, /\| `CETUS_PORT` \| integer, TCP port \| `9511` \| The port\. \|/);
    assert.match(markdown, /fatal \\\| error/);
  });
});

describe('service: keystoneCredentials', () => {
  const keystone = defineConfig(keystoneVariables);
  const load = (environment: Record<string, string>) =>
    keystoneCredentials(loadConfig(keystone, { CETUS_KEYSTONE_URL: 'http://k:5000', ...environment }));

  it('takes an application credential before a password', () => {
    const password = { CETUS_KEYSTONE_USERNAME: 'cetus', CETUS_KEYSTONE_PASSWORD: 'p' };
    assert.deepEqual(load(password), {
      type: 'password',
      username: 'cetus',
      password: 'p',
      projectName: 'service',
      userDomainName: 'Default',
      projectDomainName: 'Default',
    });
    const both = {
      ...password,
      CETUS_KEYSTONE_APPLICATION_CREDENTIAL_ID: 'i',
      CETUS_KEYSTONE_APPLICATION_CREDENTIAL_SECRET: 's',
    };
    assert.deepEqual(load(both), { type: 'application_credential', id: 'i', secret: 's' });
  });

  it('names what is missing', () => {
    assert.throws(() => load({}), /CETUS_KEYSTONE_USERNAME.*CETUS_KEYSTONE_PASSWORD/);
    assert.throws(() => load({ CETUS_KEYSTONE_APPLICATION_CREDENTIAL_ID: 'i' }), /CREDENTIAL_SECRET/);
  });
});
