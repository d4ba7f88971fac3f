/** Heat's times. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A resource that does nothing, in the time and with the end its properties ask for. */
export const TEST = 'OS::Heat::TestResource';

/** A template of these resources, and more sections. */
export const template = (resources: object, more: object = {}) => ({
  heat_template_version: '2018-08-31',
  resources,
  ...more,
});

/** A network, a group of servers, and something after them; with a parameter to scale and one to fail. */
export const CLUSTER = template(
  {
    net: { type: 'OS::Neutron::Net' },
    secret: { type: 'OS::Heat::RandomString', properties: { length: 12 } },
    nodes: {
      type: 'OS::Heat::ResourceGroup',
      depends_on: 'net',
      properties: {
        count: { get_param: 'count' },
        removal_policies: [{ resource_list: { get_param: 'remove' } }],
        resource_def: {
          type: 'OS::Nova::Server',
          properties: { name: 'n-%index%', networks: [{ network: { get_resource: 'net' } }] },
        },
      },
    },
    last: { type: TEST, depends_on: 'nodes', properties: { value: 'done', fail: { get_param: 'fail' } } },
  },
  {
    parameters: {
      count: { type: 'number', default: 2 },
      remove: { type: 'comma_delimited_list', default: '' },
      fail: { type: 'boolean', default: false },
      hidden: { type: 'string', default: 'secret', hidden: true },
    },
    outputs: {
      refs: { value: { get_attr: ['nodes', 'refs'] } },
      map: { value: { get_attr: ['nodes', 'refs_map'] } },
      addresses: { value: { get_attr: ['nodes', 'first_address'] }, description: 'where they are' },
      attributes: { value: { get_attr: ['nodes', 'attributes', 'first_address'] } },
      first: { value: { get_attr: ['nodes', 'resource.0.first_address'] } },
      secret: { value: { get_attr: ['secret', 'value'] } },
      secret_ref: { value: { get_resource: 'secret' } },
      last: { value: { get_attr: ['last', 'output'] } },
    },
  },
);
