import assert from 'node:assert/strict';
import { OpenStackError } from '../../../src/errors.ts';
import type { CreateStack } from '../../../src/heat.ts';
import { uniqueName } from '../targets.ts';
import { heatContract } from './bench.ts';
import { template, TEST } from './templates.ts';

heatContract('refusals', (bench) => {
  const some = { a: { type: TEST } };
  const number = { parameters: { p: { type: 'number', constraints: [{ range: { min: 1 } }] } } };
  const invalid = 'StackValidationFailed';
  const rows: { reason: string; stack?: Partial<CreateStack>; code: string; message: RegExp }[] = [
    {
      reason: 'a bad name',
      stack: { name: '9bad name' },
      code: invalid,
      message: /Invalid stack name 9bad name/,
    },
    {
      reason: 'an unknown type',
      stack: { template: template({ a: { type: 'OS::No::Such' } }) },
      code: invalid,
      message: /OS::No::Such/,
    },
    { reason: 'no type', stack: { template: template({ a: {} }) }, code: invalid, message: /type key/ },
    {
      reason: 'a missing parameter',
      stack: { template: template(some, { parameters: { p: { type: 'string' } } }) },
      code: 'UserParameterMissing',
      message: /\(p\) was not provided/,
    },
    {
      reason: 'a surplus parameter',
      stack: { parameters: { q: 1 } },
      code: 'UnknownUserParameter',
      message: /\(q\)/,
    },
    {
      reason: 'text for a number',
      stack: { template: template(some, number), parameters: { p: 'x' } },
      code: invalid,
      message: /'p'/,
    },
    {
      reason: 'a number out of range',
      stack: { template: template(some, number), parameters: { p: 0 } },
      code: invalid,
      message: /0 is out of range/,
    },
    {
      reason: 'a reference to nothing',
      stack: { template: template({ a: { type: TEST, properties: { value: { get_resource: 'no' } } } }) },
      code: 'InvalidTemplateReference',
      message: /"no" \(in a.Properties.value\)/,
    },
    {
      reason: 'a dependency on nothing',
      stack: { template: template({ a: { type: TEST, depends_on: 'no' } }) },
      code: 'InvalidTemplateReference',
      message: /"no" \(in a\)/,
    },
    {
      reason: 'an unknown property',
      stack: { template: template({ a: { type: TEST, properties: { no: 1 } } }) },
      code: invalid,
      message: /Unknown Property no/,
    },
    {
      reason: 'a file that was not sent',
      stack: { template: template({ a: { type: TEST, properties: { value: { get_file: 'x.sh' } } } }) },
      code: invalid,
      message: /x\.sh/,
    },
    {
      reason: 'a group of nothing',
      stack: { template: template({ a: { type: 'OS::Heat::ResourceGroup', properties: { count: 1 } } }) },
      code: invalid,
      message: /resource_def not assigned/,
    },
    {
      reason: 'an unknown version',
      stack: { template: { heat_template_version: '1999-01-01', resources: {} } },
      code: 'InvalidTemplateVersion',
      message: /1999-01-01/,
    },
    {
      reason: 'a negative time-out',
      stack: { timeoutMins: -1 },
      code: 'HTTPBadRequest',
      message: /timeout_mins/,
    },
  ];
  for (const { reason, stack, code, message } of rows) {
    it(reason, async () => {
      const wanted = { name: uniqueName('contract-bad'), template: template(some), ...stack };
      await assert.rejects(bench.heat.createStack(wanted), (error) => {
        assert.ok(error instanceof OpenStackError, String(error));
        assert.deepEqual([error.status, error.code, error.service], [400, code, 'orchestration']);
        assert.match(error.message, message);
        assert.equal((error.body as { title: string }).title, 'Bad Request');
        return true;
      });
      assert.equal(await bench.heat.findByName(wanted.name.replaceAll(' ', '-')), null);
    });
  }
});
