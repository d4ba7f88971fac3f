import { Type } from 'typebox';
import { Links } from './list.ts';

/** `GET /`: the versions of the API. */
export const VersionsView = Type.Object(
  {
    name: Type.String(),
    description: Type.String(),
    versions: Type.Array(
      Type.Object({
        id: Type.String(),
        links: Links,
        status: Type.String(),
        max_version: Type.String(),
        min_version: Type.String(),
      }),
    ),
  },
  { $id: 'Versions', description: 'The versions of the API.' },
);

/** `GET /v1`: what version 1 has. */
export const VersionView = Type.Object(
  {
    id: Type.String(),
    media_types: Type.Array(Type.Object({ base: Type.String(), type: Type.String() })),
    links: Type.Array(
      Type.Object({ href: Type.String(), rel: Type.String(), type: Type.Optional(Type.String()) }),
    ),
    clustertemplates: Links,
    clusters: Links,
    quotas: Links,
    certificates: Links,
    mservices: Links,
    stats: Links,
    nodegroups: Links,
    applications: Links,
    operations: Links,
    events: Links,
  },
  { $id: 'Version', description: 'The resources of version 1.' },
);
