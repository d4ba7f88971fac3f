"""Heat plug-in (heat.conf: plugin_dirs): replaces every OS::Nova/Neutron/Cinder/Octavia/... resource type
by a fake that needs no back end, so that unmodified templates (Magnum's own kubecluster.yaml too)
reach CREATE_COMPLETE without Nova, Neutron or Cinder.

Properties are accepted without a schema; attributes are invented but stable (ids are uuid4,
addresses lie in 127.0.0.0/8, so nothing that follows them leaves the machine).

Delays and failures, first match wins:
  1. property `metadata` of the resource: {"fake_wait_secs": 3, "fake_fail": "create"|"update"|"delete"}
  2. the JSON file named by FAKE_OPENSTACK_CONTROL (read at every action), e.g.
     {"OS::Nova::Server": {"create": {"wait_secs": 2}, "delete": {"fail": "quota exceeded"}},
      "*": {"create": {"wait_secs": 0}}, "name:kube_master": {"create": {"fail": "no host"}}}
     "as" names the class of the exception, as the client of the real service would raise it:
     {"name:master_0": {"create": {"fail": "Quota exceeded for cores: Requested 4, but already used 18 of 20 cores", "as": "Forbidden"}}}
     An "attributes" map there overrides attributes: {"OS::Neutron::FloatingIP": {"attributes": {"floating_ip_address": "127.0.0.1"}}}
"""
import hashlib, json, os, time, uuid
from heat.common import exception
from heat.engine import attributes, function, properties, resource, support

CONTROL = os.environ.get('FAKE_OPENSTACK_CONTROL', '')

def _ip(rid, net=20):
    h = hashlib.sha1(str(rid).encode()).digest()
    return '127.%d.%d.%d' % (net, h[0], 1 + h[1] % 254)

class FakeFailure(exception.Error):
    pass

def failure(class_name, message):
    """Heat puts the class of an exception before its message, so the class is part of what is faked."""
    return type(class_name, (FakeFailure,), {})(message)

class FakeResource(resource.Resource):
    support_status = support.SupportStatus(version='5.0.0')
    properties_schema = {}
    attributes_schema = {}
    FAKE_TYPE = ''

    # -- accept anything -----------------------------------------------------------------------------
    def frozen_definition(self):
        return self.t.freeze(properties=properties.Properties(schema={}, data={}))
    def reparse(self, client_resolve=True):
        self.properties = properties.Properties(schema={}, data={})
        self.translate_properties(self.properties, client_resolve)
    def validate(self):
        pass
    def _needs_update(self, after, before, after_props, before_props, prev_resource, check_init_complete=True):
        if self.status == self.FAILED or self.action == self.INIT:
            raise resource.UpdateReplace(self.name)
        return False

    # -- delays and failures -------------------------------------------------------------------------
    def _control(self, what):
        if CONTROL and os.path.exists(CONTROL):
            try:
                c = json.load(open(CONTROL))
            except Exception:
                c = {}
            for k in ('name:%s' % self.name, self.type(), self.FAKE_TYPE, '*'):
                a = (c.get(k) or {}).get(what)
                if a:
                    return a
        return {}
    def _plan(self, action):
        try:
            md = function.resolve((self.t._properties or {}).get('metadata')) or {}
        except Exception:
            md = {}
        if 'fake_wait_secs' in md or 'fake_fail' in md:
            return (float(md.get('fake_wait_secs') or 0),
                    'asked for by metadata' if md.get('fake_fail') == action else None, None)
        a = self._control(action)
        return float(a.get('wait_secs', 0)), a.get('fail'), a.get('as')

    def _begin(self, action):
        wait, fail, class_name = self._plan(action)
        return [time.time() + wait, fail, class_name]
    def _done(self, cookie):
        if not cookie:
            return True
        if time.time() < cookie[0]:
            return False
        if cookie[1] and cookie[2]:
            raise failure(cookie[2], cookie[1])
        if cookie[1]:
            raise FakeFailure('fake failure of %s: %s' % (self.type(), cookie[1]))
        return True

    def handle_create(self):
        self.resource_id_set(str(uuid.uuid4()))
        return self._begin('create')
    def check_create_complete(self, c): return self._done(c)
    def handle_update(self, json_snippet, tmpl_diff, prop_diff): return self._begin('update')
    def check_update_complete(self, c): return self._done(c)
    def handle_delete(self): return self._begin('delete')
    def check_delete_complete(self, c): return self._done(c)
    def handle_suspend(self): return None
    def handle_resume(self): return None
    def handle_check(self): return None
    def handle_signal(self, details=None): return None

    # -- attributes ----------------------------------------------------------------------------------
    def get_attribute(self, key, *path):
        over = self._control('attributes')
        v = over[key] if key in over else self._fake_attr(key)
        return attributes.select_from_attribute(v, path) if path else v
    def get_live_state(self, *a): return {}
    def _show_resource(self): return self._fake_attr('show')
    def _fake_attr(self, key):
        rid = self.resource_id or self.name
        ip = _ip(rid)
        return {
            'show': {'id': rid, 'name': self.physical_resource_name(), 'fixed_network': rid, 'fixed_subnet': rid}, 'id': rid, 'name': self.physical_resource_name(),
            'status': 'ACTIVE', 'fixed_ips': [{'ip_address': ip, 'subnet_id': 'fake'}], 'ip_address': ip, 'vip_address': ip, 'vip_port_id': rid,
            'floating_ip_address': _ip(rid, 30), 'fixed_ip_address': ip, 'first_address': ip, 'accessIPv4': ip, 'accessIPv6': '',
            'addresses': {'private': [{'addr': ip, 'version': 4}]}, 'networks': {'private': [ip]}, 'instance_name': self.name,
            'mac_address': '02:00:00:00:00:01', 'router_id': rid, 'network_id': rid, 'subnet_id': rid, 'cidr': '127.20.0.0/16',
            'gateway_ip': '127.20.0.1', 'public_key': 'ssh-ed25519 AAAA fake', 'private_key': '', 'size': '1', 'attachments': [],
            'external_gateway_info': {}, 'config': '', 'deploy_stdout': '', 'deploy_stderr': '', 'deploy_status_code': 0,
        }.get(key)

TYPES = """
OS::Nova::Server OS::Nova::ServerGroup OS::Nova::KeyPair OS::Nova::Flavor OS::Nova::FloatingIP OS::Nova::FloatingIPAssociation
OS::Neutron::Net OS::Neutron::Subnet OS::Neutron::Router OS::Neutron::RouterInterface OS::Neutron::RouterGateway OS::Neutron::Port
OS::Neutron::FloatingIP OS::Neutron::FloatingIPAssociation OS::Neutron::FloatingIPPortForward OS::Neutron::SecurityGroup OS::Neutron::SecurityGroupRule
OS::Neutron::LBaaS::LoadBalancer OS::Neutron::LBaaS::Listener OS::Neutron::LBaaS::Pool OS::Neutron::LBaaS::PoolMember OS::Neutron::LBaaS::HealthMonitor
OS::Octavia::LoadBalancer OS::Octavia::Listener OS::Octavia::Pool OS::Octavia::PoolMember OS::Octavia::HealthMonitor
OS::Cinder::Volume OS::Cinder::VolumeAttachment OS::Cinder::VolumeType OS::Glance::Image OS::Glance::WebImage
OS::Manila::Share OS::Manila::ShareNetwork OS::Barbican::Secret OS::Swift::Container OS::Zun::Container
OS::Heat::SoftwareDeployment OS::Heat::SoftwareDeploymentGroup OS::Heat::StructuredDeployment OS::Heat::WaitCondition OS::Heat::WaitConditionHandle
""".split()

def resource_mapping():
    return {t: type(t.replace('::', ''), (FakeResource,), {'FAKE_TYPE': t}) for t in TYPES}
