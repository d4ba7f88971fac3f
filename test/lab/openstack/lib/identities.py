#!/usr/bin/python3
"""Domains, projects, users, roles, services and endpoints of the lab; may be run again at any time.

identities.py OPENRC HEAT_PORT STUB_PORT MAGNUM_PORT|0
"""
import sys

from keystone import Keystone

openrc, heat_port, stub_port, magnum_port = sys.argv[1:5]
keystone = Keystone(openrc)
password, region = keystone.account['OS_PASSWORD'], keystone.account['OS_REGION_NAME']


def ids(kind, one, names, **more):
    return {name: keystone.ensure(kind, one, {'name': name, **more})['id'] for name in names}


roles = ids('roles', 'role', ('admin', 'member', 'reader', 'service', 'heat_stack_owner', 'heat_stack_user'))
domains = ids('domains', 'domain', ('heat', 'magnum'))
projects = ids('projects', 'project', ('service', 'demo', 'demo2', 'admin'), domain_id='default')


def user(name, domain='default'):
    return keystone.ensure('users', 'user', {'name': name, 'domain_id': domain}, {'password': password})['id']


def grant(user_id, where, *names):
    for name in names:
        keystone.call('PUT', f'/{where}/users/{user_id}/roles/{roles[name]}')


for name in ('heat', 'magnum', 'cetus'):
    grant(user(name), f"projects/{projects['service']}", 'admin', 'service')
for name in ('demo', 'demo2'):
    grant(user(name), f'projects/{projects[name]}', 'member', 'reader', 'heat_stack_owner')
grant(user('demo-reader'), f"projects/{projects['demo']}", 'reader')
grant(user('admin'), f"projects/{projects['admin']}", 'heat_stack_owner')
for name in ('heat', 'magnum'):
    grant(user(f'{name}_domain_admin', domains[name]), f'domains/{domains[name]}', 'admin')

here = 'http://127.0.0.1'
catalog = [
    ('heat', 'orchestration', f'{here}:{heat_port}/v1/%(project_id)s'),
    ('nova', 'compute', f'{here}:{stub_port}/compute/v2.1'),
    ('glance', 'image', f'{here}:{stub_port}/image'),
    ('cinder', 'block-storage', f'{here}:{stub_port}/volume/v3/%(project_id)s'),
    ('cinderv3', 'volumev3', f'{here}:{stub_port}/volume/v3/%(project_id)s'),
    ('neutron', 'network', f'{here}:{stub_port}/network'),
]
if magnum_port != '0':
    catalog.append(('magnum', 'container-infra', f'{here}:{magnum_port}/v1'))
    # Still to be found when Cetus has taken the place of the first.
    catalog.append(('magnum-backend', 'container-infra-backend', f'{here}:{magnum_port}/v1'))
for name, type_, url in catalog:
    keystone.set_endpoints(name, type_, url, region)
