import assert from 'node:assert/strict';
import {
  apiUrl,
  readGroupOutputs,
  readStackOutputs,
} from '../../../../src/cluster/drivers/heat/read-outputs.ts';

const NOTHING = {
  apiAddress: null,
  privateApiAddress: null,
  masterAddresses: [],
  masterPublicAddresses: [],
  masterServerIds: [],
  masterVersion: null,
};
const NO_NODES = { addresses: [], publicAddresses: [], serverIds: [], version: null };

describe('the outputs of a cluster stack', () => {
  it('are read by their keys', () => {
    const outputs = readStackOutputs([
      { output_key: 'api_address', output_value: '203.0.113.7' },
      { output_key: 'private_api_address', output_value: '10.0.0.5' },
      { output_key: 'master_addresses', output_value: ['10.0.0.10'] },
      { output_key: 'master_version', output_value: 'v1.33.2' },
      { output_key: 'something_else', output_value: { a: 1 } },
    ]);
    assert.deepEqual(outputs, {
      ...NOTHING,
      apiAddress: '203.0.113.7',
      privateApiAddress: '10.0.0.5',
      masterAddresses: ['10.0.0.10'],
      masterVersion: 'v1.33.2',
    });
  });

  it('are read for each group of workers', () => {
    const outputs = [
      { output_key: 'node_server_ids', output_value: ['a', 'b'] },
      { output_key: 'node_server_ids_c0ffee000001', output_value: ['c'] },
      { output_key: 'node_addresses_c0ffee000001', output_value: ['10.0.0.9'] },
      { output_key: 'node_version_c0ffee000001', output_value: 'v1.32.0' },
    ];
    assert.deepEqual(readGroupOutputs(outputs, null), { ...NO_NODES, serverIds: ['a', 'b'] });
    assert.deepEqual(readGroupOutputs(outputs, 'c0ffee000001'), {
      ...NO_NODES,
      serverIds: ['c'],
      addresses: ['10.0.0.9'],
      version: 'v1.32.0',
    });
    assert.deepEqual(readGroupOutputs(outputs, 'c0ffee000002'), NO_NODES);
  });

  it('are empty while nothing is there, whatever form that takes', () => {
    for (const outputs of [null, undefined, []]) {
      assert.deepEqual(readStackOutputs(outputs), NOTHING);
      assert.deepEqual(readGroupOutputs(outputs, null), NO_NODES);
    }
    const halfWay = [
      { output_key: 'api_address', output_value: '' },
      { output_key: 'master_addresses', output_value: [null, '10.0.0.11', ''] },
      { output_key: 'node_addresses', output_value: null, output_error: 'not yet' },
      { output_key: 'node_server_ids' },
    ];
    assert.deepEqual(readStackOutputs(halfWay), { ...NOTHING, masterAddresses: ['10.0.0.11'] });
    assert.deepEqual(readGroupOutputs(halfWay, null), NO_NODES);
  });

  it('make a URL of an address', () => {
    assert.equal(apiUrl('10.0.0.5', 6443), 'https://10.0.0.5:6443');
    assert.equal(apiUrl('fd00::5', 443), 'https://[fd00::5]:443');
  });
});
