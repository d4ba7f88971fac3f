import assert from 'node:assert/strict';
import { OpenStackError } from '../../../src/errors.ts';
import { heatContract } from './bench.ts';
import { template } from './templates.ts';

const EMPTY = template({});

heatContract('HTTP', (bench) => {
  const pathOf = ({ name, id }: { name: string; id: string }): string => `/stacks/${name}/${id}`;

  it('takes a DELETE that claims to carry JSON and carries nothing', async () => {
    const ref = await bench.create({ template: EMPTY });
    await bench.settled(ref);
    const { status } = await bench.session.request('orchestration', 'DELETE', pathOf(ref), {
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(status, 204);
    assert.match((await bench.heat.getStack(ref))?.stack_status ?? '', /^DELETE_/);
  });

  it('refuses a POST and a PATCH that claim to carry JSON and carry nothing', async () => {
    const ref = await bench.create({ template: EMPTY });
    await bench.settled(ref);
    const headers = { 'content-type': 'application/json' };
    for (const [method, path] of [
      ['POST', '/stacks'],
      ['PATCH', pathOf(ref)],
    ] as const) {
      await assert.rejects(
        bench.session.request('orchestration', method, path, { headers }),
        (error) => error instanceof OpenStackError && error.status === 400 && error.code === 'HTTPBadRequest',
      );
    }
  });

  it('accepts an update in JSON, HTML or plain text, as it is asked to', async () => {
    const ref = await bench.create({ template: EMPTY });
    await bench.settled(ref);
    const update = async (accept: string) => {
      const answer = await bench.session.request('orchestration', 'PATCH', pathOf(ref), {
        json: {},
        headers: { accept },
      });
      assert.equal(answer.status, 202);
      await bench.settled(ref);
      return { type: answer.headers['content-type'], body: answer.body };
    };
    const json = await update('application/json');
    assert.match(String(json.type), /^application\/json/);
    assert.deepEqual(json.body, {
      message: 'The request is accepted for processing.<br /><br />\n\n\n',
      code: '202 Accepted',
      title: 'Accepted',
    });
    for (const accept of ['text/html', '*/*']) {
      assert.deepEqual(await update(accept), {
        type: 'text/html; charset=UTF-8',
        body: '<html>\n <head>\n  <title>202 Accepted</title>\n </head>\n <body>\n  <h1>202 Accepted</h1>\n  The request is accepted for processing.<br /><br />\n\n\n\n </body>\n</html>',
      });
    }
    assert.deepEqual(await update('text/plain'), {
      type: 'text/plain; charset=UTF-8',
      body: '202 Accepted\n\nThe request is accepted for processing.\n\n   ',
    });
  });
});
