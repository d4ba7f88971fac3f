/**
 * Every error code that a client, an operation or a notification can show, in one table. `docs/reference/errors.md`
 * is generated from it.
 *
 * - `status`: the HTTP status when the error is answered to a request;
 * - `title`: what happened, in a few words, the same for every occurrence;
 * - `retryable`: whether the same action can succeed later without anybody changing anything.
 */
export interface ErrorDefinition {
  status: number;
  title: string;
  retryable: boolean;
}

const define = (status: number, title: string, retryable = false): ErrorDefinition => ({
  status,
  title,
  retryable,
});

export const ERRORS = {
  // What a client sent
  malformed_body: define(400, 'The body is not what its content type says'),
  malformed_request: define(400, 'The request is not well-formed HTTP'),
  malformed_url: define(400, 'The address is not well-formed'),
  invalid_field: define(400, 'A field is not acceptable'),
  unknown_field: define(400, 'A field is not known'),
  missing_field: define(400, 'A field is missing'),
  invalid_patch: define(400, 'The JSON Patch cannot be applied'),
  invalid_marker: define(400, 'The marker is not an object of this list'),
  cluster_template_not_found: define(400, 'The cluster template does not exist'),
  cluster_not_found: define(400, 'The cluster does not exist'),
  node_group_not_found: define(400, 'The node group does not exist'),
  image_not_found: define(400, 'The image does not exist'),
  image_os_distro_missing: define(400, 'The image does not say which distribution it holds'),
  image_os_distro_unsupported: define(400, 'The distribution of the image is not supported'),
  flavor_not_found: define(400, 'The flavor does not exist'),
  keypair_not_found: define(400, 'The key pair does not exist'),
  network_not_found: define(400, 'The network does not exist'),
  subnet_not_found: define(400, 'The subnet does not exist'),
  network_not_external: define(400, 'The network is not an external network'),
  ambiguous_reference: define(400, 'More than one object has this name'),
  unsupported: define(400, 'The back end cannot do this'),
  cluster_unreachable: define(400, 'The cluster of the kubeconfig cannot be reached'),
  cluster_version_unsupported: define(400, 'The version of the cluster is not supported'),
  host_access_denied: define(400, 'The site does not let applications reach the nodes'),
  instance_not_running: define(409, 'The instance does not run'),
  unauthenticated: define(401, 'The request has no valid token'),
  token_unscoped: define(401, 'The token is not scoped to a project'),
  forbidden: define(403, 'The role of the token does not allow this'),
  origin_forbidden: define(403, 'Pages of this origin may not call the API'),
  quota_exceeded: define(403, 'The quota of the project is used up'),
  not_found: define(404, 'The object does not exist'),
  route_not_found: define(404, 'There is nothing at this address'),
  method_not_allowed: define(405, 'The address does not serve this method'),
  not_acceptable: define(406, 'The version or representation asked for is not served'),
  request_timeout: define(408, 'The request took too long to arrive', true),
  conflict: define(409, 'The state of the object does not allow this'),
  operation_in_progress: define(409, 'Another operation on the object is going on', true),
  ambiguous_name: define(409, 'More than one object has this name'),
  in_use: define(409, 'The object is in use'),
  precondition_failed: define(412, 'The object is not the one that If-Match names'),
  body_too_large: define(413, 'The body is too large'),
  unsupported_media_type: define(415, 'The content type is not served'),
  idempotency_key_reused: define(422, 'The Idempotency-Key was used for a different request'),
  header_fields_too_large: define(431, 'The request header is too large'),
  too_many_requests: define(429, 'Too many requests', true),

  // What went wrong inside or behind Cetus
  internal_error: define(500, 'Cetus made a mistake'),
  identity_unavailable: define(503, 'Keystone cannot be asked', true),
  store_unavailable: define(503, 'The database cannot be reached', true),
  bus_unavailable: define(503, 'The message broker cannot be reached', true),
  drivers_unknown: define(503, 'No conductor has said yet which clusters it can make', true),
  back_end_unavailable: define(503, 'A back end cannot be reached', true),
  request_deadline_exceeded: define(504, 'The service that should answer did not answer in time', true),

  // Why an operation ended without success
  operation_superseded: define(409, 'A later operation took the place of this one'),
  operation_deadline_exceeded: define(504, 'The operation did not end before its deadline'),
  back_end_refused: define(502, 'A back end refused the request'),
  back_end_error: define(502, 'A back end made a mistake', true),
  delete_blocked: define(409, 'The delete waits for what it cannot remove'),
  upgrade_blocked: define(409, 'A node is not emptied before its upgrade'),
  upgrade_failed: define(502, 'A node could not be upgraded'),
  stack_missing: define(502, 'The Heat stack was deleted outside of Cetus'),
  cluster_missing: define(502, 'The cluster was deleted in its back end outside of Cetus'),
  stack_timeout: define(502, 'The Heat stack timed out'),
  server_error: define(502, 'A server could not be made'),
  load_balancer_error: define(502, 'A load balancer could not be made'),
  volume_error: define(502, 'A volume could not be made'),
  volume_type_not_found: define(400, 'The volume type does not exist'),
  addresses_exhausted: define(502, 'A network has no free address', true),
  resource_failed: define(502, 'A resource of the Heat stack failed'),
  no_valid_host: define(502, 'The cloud has no room for a server', true),
  bootstrap_failed: define(502, 'Kubernetes did not start on a server'),
  cluster_credentials_rejected: define(400, 'The cluster does not accept the credentials of its kubeconfig'),
  cluster_permissions_missing: define(400, 'The credentials of the kubeconfig do not allow enough'),
  cluster_untrusted: define(400, 'The server of the kubeconfig is not trusted'),
  cluster_replaced: define(409, 'The kubeconfig leads to another cluster than before'),
  namespace_not_owned: define(409, 'The namespace in the cluster is not the application’s'),
  object_not_owned: define(409, 'An object of this name in the cluster is not the application’s'),
  admission_refused: define(400, 'The cluster does not admit the application'),
  api_not_served: define(400, 'The cluster does not serve what the application needs'),
  image_pull_failed: define(502, 'An image cannot be had'),
  container_crashed: define(502, 'A container ends again and again'),
  container_config_error: define(502, 'A container refers to what is not there'),
  probe_failed: define(502, 'A container does not become ready'),
  unschedulable: define(502, 'No node has room for an instance'),
  namespace_quota_exceeded: define(403, 'The quota of the namespace is used up'),
  volume_not_ready: define(502, 'A volume cannot be mounted'),
  job_failed: define(502, 'The job has failed'),
  rollout_stalled: define(504, 'The change makes no progress'),
  certificate_not_signed: define(502, 'The cluster did not sign the certificate'),
} as const satisfies Record<string, ErrorDefinition>;

/** A code of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** Whether a string, from a back end's driver say, is a code of the table. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
