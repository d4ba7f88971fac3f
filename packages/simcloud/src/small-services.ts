import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authenticate } from './auth.ts';
import { stableUuid } from './ids.ts';
import type { Identity } from './keystone/identity.ts';

const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFrZWtleWZha2VrZXlmYWtla2V5ZmFrZWtleWZha2U simcloud';

/** Nova's flavors. */
export const FLAVORS = (
  [
    ['m1.small', 1, 2048, 20],
    ['m1.medium', 2, 4096, 40],
    ['m1.large', 4, 8192, 80],
  ] as const
).map(([name, vcpus, ram, disk], index) => ({
  id: String(index + 1),
  name,
  vcpus,
  ram,
  disk,
  swap: '',
  rxtx_factor: 1,
  'OS-FLV-EXT-DATA:ephemeral': 0,
  'os-flavor-access:is_public': true,
  'OS-FLV-DISABLED:disabled': false,
  links: [],
}));

/** Glance's images; one does not say what it holds. */
export const IMAGES = (
  [
    ['ubuntu-22.04', 'ubuntu'],
    ['fedora-coreos-37', 'fedora-coreos'],
    ['no-distro', undefined],
  ] as const
).map(([name, distro]) => {
  const id = stableUuid(`image/${name}`);
  return {
    id,
    name,
    ...(distro === undefined ? {} : { os_distro: distro }),
    status: 'active',
    visibility: 'public',
    min_ram: 0,
    min_disk: 0,
    size: 1024,
    container_format: 'bare',
    disk_format: 'qcow2',
    owner: '0'.repeat(32),
    protected: false,
    tags: [],
    checksum: '0'.repeat(32),
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    schema: '/v2/schemas/image',
    file: `/v2/images/${id}/file`,
    self: `/v2/images/${id}`,
  };
});

const SUBNETS = [
  {
    id: stableUuid('subnet/private'),
    name: 'private-subnet',
    network_id: stableUuid('network/private'),
    cidr: '127.20.0.0/16',
    ip_version: 4,
    enable_dhcp: true,
    gateway_ip: '127.20.0.1',
    dns_nameservers: [],
    allocation_pools: [],
    host_routes: [],
    tenant_id: '0'.repeat(32),
  },
];
/** Neutron's networks. */
export const NETWORKS = [
  { name: 'public', shared: true, subnets: [] as string[], external: true },
  { name: 'private', shared: false, subnets: [stableUuid('subnet/private')], external: false },
].map(({ name, shared, subnets, external }) => ({
  id: stableUuid(`network/${name}`),
  name,
  status: 'ACTIVE',
  admin_state_up: true,
  shared,
  subnets,
  tenant_id: '0'.repeat(32),
  'router:external': external,
}));

/** Every user has a key pair of every name that does not begin with `missing-`. */
export function hasKeypair(name: string): boolean {
  return !name.startsWith('missing-');
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

/** What Nova, Glance and Neutron answer to look-ups. */
export function smallServiceRoutes(
  app: FastifyInstance,
  context: { identity: Identity; base: () => string },
): void {
  const guarded = (handler: Handler) => async (request: FastifyRequest, reply: FastifyReply) =>
    authenticate(context.identity, request, reply, context.base()) === undefined
      ? reply
      : handler(request, reply);
  const param = (request: FastifyRequest, name: string): string =>
    (request.params as Record<string, string>)[name] ?? '';

  app.get(
    '/compute/v2.1/flavors',
    guarded(() => ({ flavors: FLAVORS.map(({ id, name, links }) => ({ id, name, links })) })),
  );
  app.get(
    '/compute/v2.1/flavors/detail',
    guarded((request) => {
      const { marker } = request.query as { marker?: string };
      return {
        flavors:
          marker === undefined ? FLAVORS : FLAVORS.slice(FLAVORS.findIndex(({ id }) => id === marker) + 1),
      };
    }),
  );
  app.get(
    '/compute/v2.1/flavors/:id',
    guarded((request, reply) => {
      const id = param(request, 'id');
      const flavor = FLAVORS.find((one) => one.id === id);
      return flavor === undefined ? novaNotFound(reply, `Flavor ${id} could not be found.`) : { flavor };
    }),
  );
  app.get(
    '/compute/v2.1/os-keypairs/:name',
    guarded((request, reply) => {
      const name = param(request, 'name');
      const { user_id = '0' } = request.query as { user_id?: string };
      if (!hasKeypair(name)) return novaNotFound(reply, `Keypair ${name} not found for user ${user_id}`);
      const created_at = '2026-01-01T00:00:00Z';
      return {
        keypair: {
          name,
          public_key: PUBLIC_KEY,
          fingerprint: '00',
          user_id,
          id: 1,
          deleted: false,
          created_at,
        },
      };
    }),
  );

  // Any key pair is there already; making one is only acknowledged.
  app.post(
    '/compute/v2.1/os-keypairs',
    guarded((request) => {
      const { keypair } = (request.body ?? {}) as { keypair?: { name?: string; public_key?: string } };
      return {
        keypair: { name: keypair?.name, public_key: keypair?.public_key, fingerprint: '00', user_id: '0' },
      };
    }),
  );

  app.get(
    '/image/v2/images',
    guarded((request) => {
      const { name } = request.query as { name?: string };
      const images = IMAGES.filter((image) => name === undefined || image.name === name);
      return { images, first: '/v2/images', schema: '/v2/schemas/images' };
    }),
  );
  app.get(
    '/image/v2/images/:id',
    guarded((request, reply) => {
      const image = IMAGES.find(({ id }) => id === param(request, 'id'));
      if (image !== undefined) return image;
      const message = `No image found with ID ${param(request, 'id')}`;
      return reply
        .code(404)
        .send({ message: `${message}<br /><br />\n\n\n`, code: '404 Not Found', title: 'Not Found' });
    }),
  );

  const collections: [string, ({ id: string } & Record<string, unknown>)[]][] = [
    ['networks', NETWORKS],
    ['subnets', SUBNETS],
  ];
  for (const [collection, rows] of collections) {
    app.get(
      `/network/v2.0/${collection}`,
      guarded((request) => ({ [collection]: filterRows(rows, request.query as Record<string, string>) })),
    );
    app.get(
      `/network/v2.0/${collection}/:id`,
      guarded((request, reply) => {
        const kind = collection.slice(0, -1);
        const id = param(request, 'id');
        const row = rows.find((one) => one.id === id);
        if (row !== undefined) return { [kind]: row };
        const type = kind === 'network' ? 'NetworkNotFound' : 'SubnetNotFound';
        const message = `${kind === 'network' ? 'Network' : 'Subnet'} ${id} could not be found.`;
        return reply.code(404).send({ NeutronError: { type, message, detail: '' } });
      }),
    );
  }
}

function novaNotFound(reply: FastifyReply, message: string): FastifyReply {
  return reply.code(404).send({ itemNotFound: { code: 404, message } });
}

function filterRows<T extends Record<string, unknown>>(
  rows: readonly T[],
  query: Record<string, string>,
): T[] {
  return rows.filter((row) =>
    Object.entries(query).every(
      ([key, value]) => !(key in row) || String(row[key]).toLowerCase() === value.toLowerCase(),
    ),
  );
}
