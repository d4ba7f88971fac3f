import { randomBytes } from 'node:crypto';
import { addressOf } from '../ids.ts';
import { invalid } from './errors.ts';
import { canonical, toText } from './functions.ts';
import type { Definition, Environment, ResourceRecord } from './types.ts';

export const GROUP = 'OS::Heat::ResourceGroup';
export const TEST = 'OS::Heat::TestResource';
export const RANDOM = 'OS::Heat::RandomString';
export const NONE = 'OS::Heat::None';
export const FLOATING_IP = 'OS::Neutron::FloatingIP';

/** Types that take any property; those of the lab's plug-in. */
const GENERIC = new Set(
  `OS::Nova::Server OS::Nova::ServerGroup OS::Nova::KeyPair OS::Nova::Flavor OS::Nova::FloatingIP OS::Nova::FloatingIPAssociation
OS::Neutron::Net OS::Neutron::Subnet OS::Neutron::Router OS::Neutron::RouterInterface OS::Neutron::RouterGateway OS::Neutron::Port
OS::Neutron::FloatingIP OS::Neutron::FloatingIPAssociation OS::Neutron::FloatingIPPortForward OS::Neutron::SecurityGroup OS::Neutron::SecurityGroupRule
OS::Neutron::LBaaS::LoadBalancer OS::Neutron::LBaaS::Listener OS::Neutron::LBaaS::Pool OS::Neutron::LBaaS::PoolMember OS::Neutron::LBaaS::HealthMonitor
OS::Octavia::LoadBalancer OS::Octavia::Listener OS::Octavia::Pool OS::Octavia::PoolMember OS::Octavia::HealthMonitor
OS::Cinder::Volume OS::Cinder::VolumeAttachment OS::Cinder::VolumeType OS::Glance::Image OS::Glance::WebImage
OS::Manila::Share OS::Manila::ShareNetwork OS::Barbican::Secret OS::Swift::Container OS::Zun::Container
OS::Heat::SoftwareDeployment OS::Heat::SoftwareDeploymentGroup OS::Heat::StructuredDeployment OS::Heat::SoftwareConfig OS::Heat::StructuredConfig
OS::Heat::CloudConfig OS::Heat::MultipartMime OS::Heat::Value OS::Heat::WaitCondition OS::Heat::WaitConditionHandle`
    .split(/\s+/)
    .filter((type) => type !== ''),
);

/** Properties a service cannot change: a resource is replaced for them. */
const REPLACED_FOR: Record<string, readonly string[]> = {
  'OS::Nova::Server': [
    'key_name',
    'user_data',
    'user_data_format',
    'availability_zone',
    'config_drive',
    'block_device_mapping_v2',
  ],
  'OS::Nova::KeyPair': ['name', 'public_key'],
  'OS::Neutron::Subnet': ['cidr', 'network', 'ip_version'],
  'OS::Neutron::Port': ['network'],
  'OS::Neutron::FloatingIP': ['floating_network'],
  'OS::Neutron::RouterInterface': ['router', 'subnet', 'port'],
  'OS::Cinder::Volume': ['availability_zone', 'volume_type', 'image'],
  'OS::Octavia::LoadBalancer': ['vip_subnet', 'vip_address', 'provider'],
  [TEST]: ['update_replace_value'],
  [RANDOM]: ['length', 'character_classes', 'character_sequences', 'salt'],
};

type Kind = 'string' | 'number' | 'boolean' | 'map' | 'list';
const SCHEMAS: Record<string, Record<string, Kind>> = {
  [TEST]: {
    value: 'string',
    update_replace: 'boolean',
    fail: 'boolean',
    client_name: 'string',
    entity_name: 'string',
    wait_secs: 'number',
    action_wait_secs: 'map',
    attr_wait_secs: 'number',
    constraint_prop_secs: 'number',
    update_replace_value: 'string',
  },
  [RANDOM]: { length: 'number', character_classes: 'list', character_sequences: 'list', salt: 'string' },
  [GROUP]: {
    count: 'number',
    index_var: 'string',
    resource_def: 'map',
    removal_policies: 'list',
    removal_policies_mode: 'string',
  },
};
const REQUIRED: Record<string, readonly string[]> = { [GROUP]: ['resource_def'] };

/** The type that stands behind a name in a template, after the environment's mappings. @throws HeatError for none. */
export function implementation(type: string, environment: Environment, files: Definition['files']): string {
  const mapped = environment.resource_registry?.[type];
  const real = typeof mapped === 'string' ? mapped : type;
  if (GENERIC.has(real) || real in SCHEMAS || real === NONE || real in files) return real;
  throw invalid(`The Resource Type (${real}) could not be found.`);
}

/** Checks properties whose values are known (unknown ones are null). @throws HeatError */
export function checkProperties(where: string, type: string, properties: Record<string, unknown>): void {
  const schema = SCHEMAS[type];
  if (schema === undefined) return;
  for (const name of Object.keys(properties)) {
    if (!(name in schema)) throw invalid(`Property error: : ${where}.properties: : Unknown Property ${name}`);
  }
  for (const name of REQUIRED[type] ?? []) {
    if (properties[name] === undefined)
      throw invalid(`Property error: : ${where}.properties: : Property ${name} not assigned`);
  }
  for (const [name, value] of Object.entries(properties)) {
    const problem = value === null || value === undefined ? undefined : mismatch(schema[name], value);
    if (problem !== undefined) throw invalid(`Property error: : ${where}.properties.${name}: : ${problem}`);
  }
}

function mismatch(kind: Kind | undefined, value: unknown): string | undefined {
  switch (kind) {
    case 'number':
      return Number.isNaN(Number(value)) || value === ''
        ? `could not convert string to float: '${toText(value)}'`
        : undefined;
    case 'boolean':
      return typeof value === 'boolean' || ['true', 'false'].includes(toText(value).toLowerCase())
        ? undefined
        : `"${toText(value)}" is not a valid boolean`;
    case 'string':
      return typeof value === 'object' ? 'Value must be a string' : undefined;
    case 'map':
      return typeof value !== 'object' || Array.isArray(value)
        ? `"${toText(value)}" is not a map`
        : undefined;
    case 'list':
      return Array.isArray(value) ? undefined : `"${toText(value)}" is not a list`;
    default:
      return undefined;
  }
}

/** True when a change of properties needs a new resource. */
export function needsReplacement(
  type: string,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): boolean {
  const changed = (name: string): boolean => canonical(before[name]) !== canonical(after[name]);
  if (type === TEST && isYes(after['update_replace']) && changed('value')) return true;
  // Nova's server takes new user data in the way that it is told to.
  const isKept = (name: string): boolean =>
    name === 'user_data' && (after['user_data_update_policy'] ?? 'REPLACE') !== 'REPLACE';
  return (REPLACED_FOR[type] ?? []).some((name) => changed(name) && !isKept(name));
}

export function isYes(value: unknown): boolean {
  return value === true || toText(value).toLowerCase() === 'true';
}

/** Seconds an OS::Heat::TestResource asks for; undefined for other types. */
export function ownSeconds(
  type: string,
  action: 'create' | 'update' | 'delete',
  properties: Record<string, unknown>,
  valueChanged: boolean,
): number | undefined {
  if (type === NONE || type === RANDOM || type === GROUP) return 0;
  if (type !== TEST) return undefined;
  if (action === 'update' && !valueChanged) return 0;
  const byAction = properties['action_wait_secs'] as Record<string, unknown> | null | undefined;
  return Number(byAction?.[action] ?? properties['wait_secs'] ?? 0);
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A value for OS::Heat::RandomString. */
export function randomString(length: number): string {
  return Array.from(randomBytes(length), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/** An attribute of a resource that is not a group; null for one the type does not have or that is not known yet. */
export function attributeOf(type: string, record: ResourceRecord, name: string): unknown {
  if (type === NONE) return null;
  if (type === TEST) return name === 'output' ? (record.data['value'] ?? null) : null;
  if (type === RANDOM) return name === 'value' ? (record.data['value'] ?? null) : null;
  const id = record.physicalId;
  if (id === null) return null;
  if (type === 'OS::Heat::Value') return name === 'value' ? (record.properties['value'] ?? null) : null;
  const ip = addressOf(id, 20);
  const known: Record<string, unknown> = {
    show: { id, name: record.physicalName, fixed_network: id, fixed_subnet: id },
    id,
    name: record.physicalName,
    status: 'ACTIVE',
    fixed_ips: [{ ip_address: ip, subnet_id: 'simulated' }],
    ip_address: ip,
    vip_address: ip,
    vip_port_id: id,
    floating_ip_address:
      record.properties['floating_ip_address'] ?? record.data['address'] ?? addressOf(id, 30),
    fixed_ip_address: ip,
    first_address: ip,
    accessIPv4: ip,
    accessIPv6: '',
    addresses: { private: [{ addr: ip, version: 4 }] },
    networks: { private: [ip] },
    instance_name: record.name,
    mac_address: '02:00:00:00:00:01',
    router_id: id,
    network_id: id,
    subnet_id: id,
    cidr: '127.20.0.0/16',
    gateway_ip: '127.20.0.1',
    public_key: 'ssh-ed25519 AAAA simulated',
    private_key: '',
    size: '1',
    attachments: [],
    external_gateway_info: {},
    config: '',
    deploy_stdout: '',
    deploy_stderr: '',
    deploy_status_code: 0,
  };
  return known[name] ?? null;
}
