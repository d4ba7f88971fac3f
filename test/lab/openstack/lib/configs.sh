# Configuration files of the lab's services; to be sourced after env.sh.

auth_section() { # auth_section USER
  cat <<E
auth_type = password
auth_url = http://127.0.0.1:$P_KEYSTONE/v3
username = $1
password = $PW
project_name = service
user_domain_name = Default
project_domain_name = Default
E
}

token_section() { # token_section USER
  auth_section "$1"
  cat <<E
www_authenticate_uri = http://127.0.0.1:$P_KEYSTONE/v3
region_name = $REGION
memcached_servers = 127.0.0.1:$P_MEMCACHED
E
}

oslo_section() {
  cat <<E
[oslo_messaging_rabbit]
heartbeat_timeout_threshold = 60
[oslo_messaging_notifications]
driver = messagingv2
topics = notifications
[oslo_policy]
policy_dirs = $ETC/none
E
}

write_configs() {
  local user file
  mkdir -p "$ETC/none" "$ETC/heat-environment.d" "$ETC/heat-templates"
  keystone_conf >"$ETC/keystone.conf"
  heat_conf >"$ETC/heat.conf"
  [ "$MAGNUM" != 1 ] || magnum_conf >"$ETC/magnum.conf"
  [ -e "$STATE/heat-control.json" ] || echo '{}' >"$STATE/heat-control.json"
  for user in admin demo demo2; do
    file="$STATE/${user}rc"; [ $user != admin ] || file="$STATE/openrc"
    cat >"$file" <<E
export OS_AUTH_URL=http://127.0.0.1:$P_KEYSTONE/v3 OS_USERNAME=$user OS_PASSWORD=$PW OS_PROJECT_NAME=$user OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default OS_IDENTITY_API_VERSION=3 OS_REGION_NAME=$REGION
E
  done
}

keystone_conf() {
  cat <<E
[DEFAULT]
transport_url = $RABBIT_URL
log_dir = $LOG
log_file = keystone-app.log
notification_format = cadf
[database]
connection = $(dburl keystone)
[token]
provider = fernet
[fernet_tokens]
key_repository = $STATE/fernet-keys
[credential]
key_repository = $STATE/credential-keys
[cache]
# Of all processes, as production has it: with a cache of its own each would for minutes refuse tokens by roles that another has given.
enabled = true
backend = dogpile.cache.memcached
memcache_servers = 127.0.0.1:$P_MEMCACHED
[identity]
password_hash_rounds = 4
$(oslo_section)
E
}

heat_conf() {
  cat <<E
[DEFAULT]
transport_url = $RABBIT_URL
log_dir = $LOG
plugin_dirs = $LAB/heat-plugins
environment_dir = $ETC/heat-environment.d
template_dir = $ETC/heat-templates
num_engine_workers = 2
stack_domain_admin = heat_domain_admin
stack_domain_admin_password = $PW
stack_user_domain_name = heat
deferred_auth_method = trusts
trusts_delegated_roles =
auth_encryption_key = 0123456789abcdef0123456789abcdef
region_name_for_services = $REGION
heat_metadata_server_url = http://127.0.0.1:8000
heat_waitcondition_server_url = http://127.0.0.1:8000/v1/waitcondition
max_stacks_per_tenant = 5000
[database]
connection = $(dburl heat)
max_pool_size = 30
[keystone_authtoken]
$(token_section heat)
[trustee]
$(auth_section heat | grep -v '^project')
[clients_keystone]
auth_uri = http://127.0.0.1:$P_KEYSTONE
[paste_deploy]
api_paste_config = /etc/heat/api-paste.ini
$(oslo_section)
E
}

magnum_conf() {
  cat <<E
[DEFAULT]
transport_url = $RABBIT_URL
log_dir = $LOG
pybasedir = /usr/lib/python3/dist-packages
bindir = /usr/bin
state_path = $STATE/lock
[api]
host = 127.0.0.1
port = $P_MAGNUM
api_paste_config = /etc/magnum/api-paste.ini
[database]
connection = $(dburl magnum)
[keystone_authtoken]
auth_version = v3
$(token_section magnum)
[keystone_auth]
$(auth_section magnum)
[trust]
trustee_domain_name = magnum
trustee_domain_admin_name = magnum_domain_admin
trustee_domain_admin_password = $PW
trustee_keystone_interface = public
cluster_user_trust = true
[certificates]
cert_manager_type = x509keypair
[cluster]
etcd_discovery_service_endpoint_format = http://127.0.0.1:$P_STUB/discovery/new?size=%(size)d
[cluster_template]
kubernetes_allowed_network_drivers = all
[conductor]
workers = 1
[cinder]
default_docker_volume_type = stub
default_boot_volume_type = stub
default_etcd_volume_type = stub
[cinder_client]
region_name = $REGION
[quotas]
max_clusters_per_project = 5000
[oslo_concurrency]
lock_path = $STATE/lock
$(oslo_section)
E
}
