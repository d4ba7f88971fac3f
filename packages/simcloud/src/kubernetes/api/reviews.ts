import { fieldsOf, isFields, listOf, type Fields } from '../objects.ts';
import { isAllowed, rulesOf, type Access } from '../rbac/rules.ts';
import { readDocument, type ApiRequest } from './api-request.ts';
import type { User } from './authentication.ts';
import { sendJson } from './exchange.ts';
import { badRequest, invalid } from './status-error.ts';

/** Kinds that are only asked, never kept. */
export const REVIEWS: Readonly<Record<string, (api: ApiRequest) => Promise<void>>> = {
  selfsubjectaccessreviews: (api) => accessReview(api, api.user),
  subjectaccessreviews: (api) => accessReview(api, undefined),
  localsubjectaccessreviews: (api) => accessReview(api, undefined),
  selfsubjectrulesreviews: rulesReview,
  tokenreviews: tokenReview,
};

async function specOf(api: ApiRequest): Promise<Fields> {
  const body = await readDocument(api.request);
  if (!isFields(body)) throw badRequest('the request has no body');
  return fieldsOf(body['spec']);
}

function answer(api: ApiRequest, spec: Fields, status: Fields): void {
  const { kind, groupVersion } = api.type;
  const metadata = { creationTimestamp: null };
  sendJson(api.response, 201, { kind, apiVersion: groupVersion, metadata, spec, status });
}

function textIn(fields: Fields, name: string): string {
  return typeof fields[name] === 'string' ? fields[name] : '';
}

function accessOf(api: ApiRequest, spec: Fields): Access {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  if (isFields(resource) === isFields(other)) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw invalid(api.type, '', [
      { field: 'spec.resourceAttributes', type: 'Invalid', value: resource ?? null, detail },
    ]);
  }
  if (isFields(other)) return { verb: textIn(other, 'verb'), path: textIn(other, 'path') };
  const about = fieldsOf(resource);
  const subresource = textIn(about, 'subresource');
  return {
    verb: textIn(about, 'verb'),
    group: textIn(about, 'group'),
    resource: `${textIn(about, 'resource')}${subresource === '' ? '' : `/${subresource}`}`,
    name: textIn(about, 'name'),
    namespace: textIn(about, 'namespace'),
  };
}

async function accessReview(api: ApiRequest, self: User | undefined): Promise<void> {
  const spec = await specOf(api);
  const user = self ?? { name: textIn(spec, 'user'), groups: listOf<string>(spec['groups']) };
  const allowed = isAllowed(api.cluster.store, user, accessOf(api, spec));
  const isByRole = allowed && !user.groups.includes('system:masters');
  answer(api, spec, { allowed, ...(isByRole ? { reason: 'RBAC: allowed by a role' } : {}) });
}

async function rulesReview(api: ApiRequest): Promise<void> {
  const spec = await specOf(api);
  const { store } = api.cluster;
  const isMaster = api.user.groups.includes('system:masters');
  const rules = isMaster
    ? [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    : rulesOf(store, api.user, textIn(spec, 'namespace'));
  answer(
    api,
    {},
    {
      resourceRules: rules.filter((rule) => 'resources' in rule),
      nonResourceRules: rules.filter((rule) => 'nonResourceURLs' in rule),
      incomplete: false,
    },
  );
}

async function tokenReview(api: ApiRequest): Promise<void> {
  const spec = await specOf(api);
  const token = textIn(spec, 'token');
  const known = api.cluster.spec.tokens?.[token];
  const user =
    known === undefined ? api.cluster.userOfToken(token) : { name: known.user, groups: known.groups };
  answer(
    api,
    spec,
    user === undefined
      ? { user: {} }
      : { authenticated: true, user: { username: user.name, groups: user.groups } },
  );
}
