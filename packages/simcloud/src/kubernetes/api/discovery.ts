import type { Fields } from '../objects.ts';
import type { Registry } from '../types/registry.ts';
import type { ResourceType } from '../types/resource-type.ts';

/** Documents that say what a version of Kubernetes serves; the texts are shared by all clusters of that version. */
export class Discovery {
  readonly #registry: Registry;
  readonly #texts = new Map<string, string>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** The document at a path such as `/apis/apps/v1`; undefined when there is none. `server` is for `/api` alone. */
  document(path: string, server: string): string | undefined {
    if (path === '/api') return JSON.stringify(coreVersions(server));
    let text = this.#texts.get(path);
    if (text === undefined) {
      const body = this.#body(path);
      if (body === undefined) return undefined;
      text = JSON.stringify(body);
      this.#texts.set(path, text);
    }
    return text;
  }

  #body(path: string): Fields | undefined {
    if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: this.#groups() };
    if (path === '/openapi/v3') return this.#openApiIndex();
    const [, root, ...rest] = path.split('/');
    if (root === 'apis' && rest.length === 1) {
      const group = this.#groups().find((one) => one['name'] === rest[0]);
      return group === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...group };
    }
    const openApi = /^\/openapi\/v3\/(?:api|apis)\/(.+)$/.exec(path)?.[1];
    if (openApi !== undefined) return this.#openApi(openApi);
    const groupVersion = root === 'api' || root === 'apis' ? rest.join('/') : '';
    const types = this.#registry.types.filter((type) => type.groupVersion === groupVersion);
    if (types.length === 0 || (root === 'api') !== (types[0]?.group === '')) return undefined;
    return {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion,
      resources: types.flatMap(resourcesOf),
    };
  }

  #groups(): Fields[] {
    const byGroup = new Map<string, Fields[]>();
    for (const groupVersion of this.#registry.groupVersions) {
      const [group = '', version] = groupVersion.split('/');
      if (version === undefined) continue;
      byGroup.set(group, [...(byGroup.get(group) ?? []), { groupVersion, version }]);
    }
    return [...byGroup].map(([name, versions]) => ({ name, versions, preferredVersion: versions[0] }));
  }

  #openApiIndex(): Fields {
    const paths = this.#registry.groupVersions.map((groupVersion) => {
      const path = `${groupVersion.includes('/') ? 'apis' : 'api'}/${groupVersion}`;
      return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${String(this.#registry.minor)}` }];
    });
    return { paths: Object.fromEntries(paths) as Fields };
  }

  /** Only what clients look for: which kinds there are, and that writes know `fieldValidation`. */
  #openApi(groupVersion: string): Fields | undefined {
    const types = this.#registry.types.filter((type) => type.groupVersion === groupVersion);
    if (types.length === 0) return undefined;
    const paths = types.map((type) => {
      const base = `/${type.group === '' ? 'api' : 'apis'}/${groupVersion}`;
      const path = `${base}/${type.namespaced ? 'namespaces/{namespace}/' : ''}${type.plural}/{name}`;
      const kind = { group: type.group, version: type.version, kind: type.kind };
      const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
        name,
        in: 'query',
        schema: { type: 'string', uniqueItems: true },
      }));
      return [
        path,
        {
          patch: {
            'x-kubernetes-action': 'patch',
            'x-kubernetes-group-version-kind': kind,
            parameters,
            responses: {},
          },
        },
      ];
    });
    return {
      openapi: '3.0.0',
      info: { title: 'Kubernetes', version: `v1.${String(this.#registry.minor)}` },
      paths: Object.fromEntries(paths) as Fields,
      components: { schemas: {} },
    };
  }
}

function coreVersions(server: string): Fields {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: server }],
  };
}

function resourcesOf(type: ResourceType): Fields[] {
  const { plural, namespaced, kind } = type;
  return [
    {
      name: plural,
      singularName: type.singular,
      namespaced,
      kind,
      verbs: type.verbs,
      ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }),
      ...(type.categories.length === 0 ? {} : { categories: type.categories }),
    },
    ...Object.entries(type.subresources).map(([name, subresource]) => ({
      name: `${plural}/${name}`,
      singularName: '',
      namespaced,
      ...(subresource.group === undefined ? {} : { group: subresource.group, version: subresource.version }),
      kind: subresource.kind,
      verbs: subresource.verbs,
    })),
  ];
}

const documents = new Map<Registry, Discovery>();

/** The documents of a registry. */
export function discoveryOf(registry: Registry): Discovery {
  let discovery = documents.get(registry);
  if (discovery === undefined) {
    discovery = new Discovery(registry);
    documents.set(registry, discovery);
  }
  return discovery;
}
