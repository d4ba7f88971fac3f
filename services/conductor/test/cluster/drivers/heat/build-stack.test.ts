import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import {
  addWorkerGroups,
  buildClusterStack,
  removeWorkerGroups,
  upgradeWorkerGroups,
} from '../../../../src/cluster/drivers/heat/build-stack.ts';
import { USER_DATA_LIMIT_BYTES } from '../../../../src/cluster/drivers/heat/bootstrap/user-data.ts';
import type { HotTemplate, HotValue } from '../../../../src/cluster/drivers/heat/hot.ts';
import { createClusterSecrets, type ClusterSecrets } from '../../../../src/cluster/drivers/heat/pki.ts';
import type { NodeInput } from '../../../../src/cluster/drivers/heat/stack-input.ts';
import {
  anyInput,
  dependencies,
  eachFunction,
  GPU,
  makeGroup,
  makeInput,
  serversOf,
  templatesOf,
  writtenFiles,
} from './support.ts';

/** What a server of a cluster was made with. */
function nodesOf(input: ReturnType<typeof makeInput>, name: string): NodeInput {
  const group = input.workerGroups.find(({ key }) => name.includes(`-${key ?? 'worker'}-`));
  return group ?? input.masters;
}

interface PropertySchema {
  type: string;
  required?: boolean;
  allowed?: string[];
  schema?: Record<string, PropertySchema>;
}

/** What Heat 19 (Zed) knows of each resource type: names and types of properties, attributes. */
const HEAT_TYPES = JSON.parse(
  readFileSync(new URL('./fixtures/heat-19-resource-types.json', import.meta.url), 'utf8'),
) as Record<string, { properties: Record<string, PropertySchema>; attributes: string[] }>;

const HOT_FUNCTIONS = new Set(['get_param', 'get_resource', 'get_attr', 'str_replace', 'list_join']);

/** The name a function is called with. */
function text(argument: HotValue): string {
  assert.equal(typeof argument, 'string');
  return argument as string;
}

function isFunction(value: HotValue): boolean {
  return (
    value !== null && typeof value === 'object' && Object.keys(value).some((key) => HOT_FUNCTIONS.has(key))
  );
}

function checkValue(value: HotValue, schema: PropertySchema, path: string): void {
  if (isFunction(value)) return;
  if (schema.type === 'List') {
    assert.ok(Array.isArray(value), `${path} is not a list`);
    const item = schema.schema?.['*'];
    if (item !== undefined) value.forEach((element, index) => checkValue(element, item, `${path}[${index}]`));
  } else if (schema.type === 'Map') {
    assert.ok(value !== null && typeof value === 'object' && !Array.isArray(value), `${path} is not a map`);
    if (schema.schema !== undefined) checkProperties(value, schema.schema, path);
  } else {
    assert.ok(['string', 'number', 'boolean'].includes(typeof value), `${path} is not a scalar`);
    if (schema.allowed !== undefined)
      assert.ok(schema.allowed.includes(JSON.stringify(value).replaceAll('"', '')), path);
  }
}

function checkProperties(
  properties: Record<string, HotValue>,
  schemas: Record<string, PropertySchema>,
  path: string,
): void {
  for (const [name, value] of Object.entries(properties)) {
    const schema = schemas[name];
    assert.ok(schema !== undefined, `${path} has no property ${name}`);
    checkValue(value, schema, `${path}.${name}`);
  }
  for (const [name, { required }] of Object.entries(schemas)) {
    assert.ok(required !== true || name in properties, `${path} lacks ${name}`);
  }
}

function checkReferences(template: HotTemplate): void {
  const check = (fn: string, argument: HotValue): void => {
    assert.ok(HOT_FUNCTIONS.has(fn), `the function ${fn} is not to be used`);
    if (fn === 'get_param')
      assert.ok(text(argument) in template.parameters, `no parameter ${text(argument)}`);
    if (fn === 'get_resource')
      assert.ok(text(argument) in template.resources, `no resource ${text(argument)}`);
    if (fn !== 'get_attr') return;
    const [name, attribute] = argument as [string, string];
    const resource = template.resources[name];
    assert.ok(resource !== undefined, `no resource ${name}`);
    // Attributes of a group are those of its members.
    const known =
      resource.type === 'OS::Heat::ResourceGroup'
        ? ['refs', 'first_address', 'public_address']
        : HEAT_TYPES[resource.type]!.attributes;
    assert.ok(known.includes(attribute), `${resource.type} has no attribute ${attribute}`);
  };
  eachFunction(template.resources, check);
  eachFunction(template.outputs, check);
  for (const [name, { depends_on = [] }] of Object.entries(template.resources)) {
    for (const needed of depends_on) assert.ok(needed in template.resources, `${name} depends on ${needed}`);
  }
}

function checkAcyclic(template: HotTemplate): void {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, trail: string[]): void => {
    if (state.get(name) === 'done') return;
    assert.ok(state.get(name) !== 'open', `circle: ${[...trail, name].join(' -> ')}`);
    state.set(name, 'open');
    for (const needed of dependencies(template, name)) visit(needed, [...trail, name]);
    state.set(name, 'done');
  };
  for (const name of Object.keys(template.resources)) visit(name, []);
}

describe('the stack of a cluster', function () {
  this.timeout(60_000);
  let secrets: ClusterSecrets;
  const property = (
    check: (stack: ReturnType<typeof buildClusterStack>, input: ReturnType<typeof makeInput>) => void,
  ): void => {
    fc.assert(
      fc.property(anyInput, (input) => check(buildClusterStack(input, secrets), input)),
      { numRuns: 60 },
    );
  };

  before(async () => {
    secrets = await createClusterSecrets();
  });

  it('refers only to what exists, in no circle, with functions every Heat has', () => {
    property((stack) => {
      for (const template of templatesOf(stack)) {
        checkReferences(template);
        checkAcyclic(template);
      }
    });
  });

  it('uses properties as Heat declares them', () => {
    property((stack) => {
      for (const template of templatesOf(stack)) {
        for (const [name, resource] of Object.entries(template.resources)) {
          if (resource.type in stack.files) continue;
          checkProperties(resource.properties ?? {}, HEAT_TYPES[resource.type]!.properties, name);
          const member = resource.properties?.resource_def as
            { type: string; properties: Record<string, HotValue> } | undefined;
          if (member === undefined) continue;
          const nested = stack.files[member.type];
          if (nested === undefined)
            checkProperties(member.properties, HEAT_TYPES[member.type]!.properties, 'worker');
          else
            assert.deepEqual(
              Object.keys(member.properties).sort(),
              Object.keys((JSON.parse(nested) as HotTemplate).parameters).sort(),
            );
        }
      }
    });
  });

  it('is the same bytes for the same input and secrets', () => {
    property((stack, input) => {
      assert.equal(JSON.stringify(buildClusterStack(structuredClone(input), secrets)), JSON.stringify(stack));
    });
  });

  it('gives values for exactly the parameters without a default, and hides every secret', () => {
    property((stack) => {
      const { parameters } = stack.template;
      const asked = Object.keys(parameters).filter((name) => parameters[name]!.default === undefined);
      assert.deepEqual(Object.keys(stack.parameters).sort(), asked.sort());
      const open = asked.filter((name) => parameters[name]!.hidden !== true);
      const groups = stack.template.resources;
      const counts = Object.keys(groups).filter((name) => name.startsWith('workers'));
      assert.deepEqual(
        open.toSorted(),
        counts.map((name) => name.replace('workers', 'node_count')).toSorted(),
      );
      const text = JSON.stringify([stack.template, stack.files]);
      const keys = [secrets.ca, secrets.etcdCa, secrets.frontProxyCa, secrets.admin].map(({ key }) => key);
      for (const secret of [...keys, secrets.serviceAccount.privateKey, secrets.bootstrapToken]) {
        assert.ok(!text.includes(secret) && !text.includes(Buffer.from(secret).toString('base64')));
        assert.ok(!text.includes(JSON.stringify(secret).slice(1, -1)));
      }
    });
  });

  it('makes user data that parses, fits Nova, and has no token left', () => {
    property((stack, input) => {
      const servers = serversOf(stack);
      assert.equal(servers.length, input.masterCount + input.workerGroups.length);
      for (const { name, userData } of servers) {
        assert.ok(
          Math.ceil(Buffer.byteLength(userData) / 3) * 4 <= USER_DATA_LIMIT_BYTES,
          `${name} is too long`,
        );
        assert.ok(!/__CETUS_|%index%/.test(userData), `${name} has a token left`);
        const nodes = nodesOf(input, name);
        assert.equal(userData.startsWith('#cloud-config\n'), nodes.image.osDistro !== 'fedora-coreos');
        const files = new Map(writtenFiles(userData, parse).map((file) => [file.path, file]));
        for (const document of parseAllDocuments(files.get('/etc/cetus/kubeadm.yaml')!.content))
          assert.deepEqual(document.errors, []);
        assert.match(files.get('/etc/cetus/node.env')!.content, new RegExp(`^NODE_NAME='${name}'$`, 'm'));
        assert.ok(!/undefined|null|\[object/.test(files.get('/etc/cetus/node.env')!.content));
        assert.equal(files.get('/etc/cetus/pki/ca.crt')!.content, secrets.ca.certificate);
        if (!name.includes('-master-')) {
          assert.ok(![...files.keys()].some((path) => path.endsWith('.key')), 'a worker has a key');
          assert.ok(!userData.includes(Buffer.from(secrets.ca.key).toString('base64')));
        } else {
          assert.equal(files.get('/etc/cetus/pki/ca.key')!.content, secrets.ca.key);
          assert.equal(files.get('/etc/cetus/pki/sa.key')!.content, secrets.serviceAccount.privateKey);
          assert.equal(files.get('/etc/cetus/pki/sa.key')!.mode, 0o600);
        }
      }
    });
  });

  it('keeps the number of workers out of everything but the group, so that scaling touches nothing else', () => {
    property((stack, input) => {
      const users: string[] = [];
      for (const [name, resource] of Object.entries(stack.template.resources)) {
        eachFunction(resource, (fn, argument) => {
          if (fn === 'get_param' && /^node/.test(text(argument))) users.push(name);
        });
      }
      const groups = Object.keys(stack.template.resources).filter((name) => name.startsWith('workers'));
      assert.deepEqual(
        users,
        groups.flatMap((name) => [name, name]),
      );
      const workerGroups = input.workerGroups.map((group) => ({ ...group, nodeCount: group.nodeCount + 3 }));
      const more = buildClusterStack({ ...input, workerGroups }, secrets);
      assert.deepEqual(more.template, stack.template);
      assert.deepEqual(more.files, stack.files);
    });
  });

  it('names what it owns after the cluster alone', () => {
    property((stack, input) => {
      for (const template of templatesOf(stack)) {
        for (const resource of Object.values(template.resources)) {
          const name = resource.properties?.name;
          if (typeof name === 'string')
            assert.ok(name.startsWith(`cetus-${input.uuid}-`) && name.length <= 63, name);
        }
      }
    });
  });

  const typesOf = (input: Parameters<typeof makeInput>[0]): Map<string, number> => {
    const types = new Map<string, number>();
    for (const { type } of Object.values(buildClusterStack(makeInput(input), secrets).template.resources)) {
      types.set(type, (types.get(type) ?? 0) + 1);
    }
    return types;
  };

  it('has a load balancer with one member a master when there are several, or when one is asked for', () => {
    assert.equal(typesOf({}).has('OS::Octavia::LoadBalancer'), false);
    assert.equal(typesOf({ masterLbEnabled: true }).get('OS::Octavia::PoolMember'), 1);
    const three = typesOf({ masterCount: 3 });
    assert.equal(three.get('OS::Octavia::PoolMember'), 3);
    assert.equal(three.get('OS::Octavia::HealthMonitor'), 1);
    assert.equal(three.get('OS::Nova::ServerGroup'), 1);
  });

  it('puts the floating address of the API on the VIP, else on the single master', () => {
    const fip = (input: Parameters<typeof makeInput>[0]): HotValue =>
      buildClusterStack(makeInput({ floatingIpEnabled: true, ...input }), secrets).template.resources
        .api_floating_ip!.properties!.port_id!;
    assert.deepEqual(fip({}), { get_resource: 'master_0_port' });
    assert.deepEqual(fip({ masterCount: 3 }), { get_attr: ['api_load_balancer', 'vip_port_id'] });
    assert.equal(typesOf({ masterCount: 3 }).has('OS::Neutron::FloatingIP'), false);
  });

  it('makes a network only when none is given', () => {
    assert.equal(typesOf({}).get('OS::Neutron::Router'), 1);
    const types = typesOf({ fixedNetwork: 'mine' });
    for (const type of ['Net', 'Subnet', 'Router', 'RouterInterface'])
      assert.equal(types.has(`OS::Neutron::${type}`), false);
  });

  it('nests a worker only when it is more than a server', () => {
    const files = (input: Parameters<typeof makeInput>[0]): string[] =>
      Object.keys(buildClusterStack(makeInput(input), secrets).files);
    assert.deepEqual(files({}), []);
    assert.deepEqual(files({ nodes: { bootVolumeSize: 10 } }), []);
    for (const more of [
      { floatingIpEnabled: true },
      { nodes: { dockerVolumeSize: 5 } },
      { nodes: { bootVolumeSize: 9, bootVolumeType: 'ssd' } },
    ]) {
      assert.deepEqual(files(more), ['cetus-worker.yaml']);
    }
    const groups = [makeGroup({ key: GPU, dockerVolumeSize: 5 })];
    assert.deepEqual(files({ groups }), [`cetus-worker-${GPU}.yaml`]);
  });

  it('waits for the masters unless told not to', () => {
    const condition = (input: Parameters<typeof makeInput>[0]) =>
      buildClusterStack(makeInput(input), secrets).template.resources.bootstrap;
    assert.equal(condition({ waitForBootstrap: false }), undefined);
    const three = condition({ masterCount: 3, bootstrapTimeoutSeconds: 900 });
    assert.equal(three?.properties?.count, 3);
    assert.equal(three?.properties?.timeout, 900);
    assert.deepEqual(three?.depends_on, ['master_0', 'master_1', 'master_2']);
  });

  it('lets a group of workers come and go without touching anything else of a template, whoever wrote that', () => {
    property((stack, input) => {
      const older = { ...stack.template, resources: { ...stack.template.resources } };
      // As another version of the code would have written it.
      older.resources.master_0 = { type: 'OS::Nova::Server', properties: { user_data: 'of another time' } };
      const group = makeGroup({ key: 'c0ffee000003', dockerVolumeSize: 5 });
      const wider = { ...input, workerGroups: [...input.workerGroups, group] };
      const grown = addWorkerGroups(older, new Set([group.key]), wider, secrets);
      const { workers_c0ffee000003: workers, ...others } = grown.template.resources;
      assert.deepEqual(others, older.resources);
      assert.equal(workers?.type, 'OS::Heat::ResourceGroup');
      checkReferences(grown.template);
      checkAcyclic(grown.template);
      assert.deepEqual(Object.keys(grown.files), ['cetus-worker-c0ffee000003.yaml']);
      assert.deepEqual(removeWorkerGroups(grown.template, [group.key]), older);
    });
  });

  it('gives the workers of a group another version by their user data alone, in the form that their image reads', () => {
    property((stack, input) => {
      const groups = input.workerGroups.map((group) => ({
        ...group,
        // What is asked for now may be of another distribution; the machines stay what they are.
        image: { id: 'another', osDistro: 'none of any' },
        kubeTag: 'v1.37.1',
      }));
      const keys = new Set(groups.map(({ key }) => key));
      const newer = upgradeWorkerGroups(stack.template, keys, { ...input, workerGroups: groups }, secrets);
      const asMade = {
        ...input,
        workerGroups: input.workerGroups.map((group) => ({ ...group, kubeTag: 'v1.37.1' })),
      };
      assert.deepEqual(newer, buildClusterStack(asMade, secrets).template);
    });
  });
});
