#!/usr/bin/python3
"""A little client of Keystone's REST API. As a program: keystone.py OPENRC prints a token and the id of its project."""
import json
import re
import sys
import urllib.parse
import urllib.request


class Keystone:
    def __init__(self, openrc):
        """openrc: a file of `export OS_…=…` without quotes, as `up` writes it."""
        with open(openrc, encoding='utf-8') as file:
            self.account = dict(re.findall(r'(OS_\w+)=(\S+)', file.read()))
        self.url, self.token = self.account['OS_AUTH_URL'], None
        domain = {'name': 'Default'}
        response, body = self._send('POST', '/auth/tokens', {'auth': {
            'identity': {'methods': ['password'], 'password': {'user': {
                'name': self.account['OS_USERNAME'], 'password': self.account['OS_PASSWORD'], 'domain': domain}}},
            'scope': {'project': {'name': self.account['OS_PROJECT_NAME'], 'domain': domain}}}})
        self.token, self.project = response.headers['X-Subject-Token'], body['token']['project']['id']

    def _send(self, method, path, body=None):
        headers = {'Content-Type': 'application/json', **({'X-Auth-Token': self.token} if self.token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            text = response.read()
        return response, (json.loads(text) if text else None)

    def call(self, method, path, body=None):
        return self._send(method, path, body)[1]

    def ensure(self, kind, one, key, more=None):
        """Finds the object that has these attributes, or creates it."""
        found = self.call('GET', f'/{kind}?{urllib.parse.urlencode(key)}')[kind]
        return found[0] if found else self.call('POST', f'/{kind}', {one: {**key, **(more or {})}})[one]

    def set_endpoints(self, name, type_, url, region):
        """Makes url the only public, internal and admin endpoint of a service in a region; None removes them."""
        service = self.ensure('services', 'service', {'name': name, 'type': type_})['id']
        query = urllib.parse.urlencode({'service_id': service, 'region_id': region})
        there = {one['interface']: one for one in self.call('GET', f'/endpoints?{query}')['endpoints']}
        for interface in ('public', 'internal', 'admin'):
            endpoint = there.get(interface)
            if url is None:
                if endpoint:
                    self.call('DELETE', f"/endpoints/{endpoint['id']}")
            elif endpoint is None:
                self.call('POST', '/endpoints', {'endpoint': {
                    'service_id': service, 'interface': interface, 'url': url, 'region_id': region}})
            else:  # also when it is the same, so that Keystone forgets the catalogs that it has remembered
                self.call('PATCH', f"/endpoints/{endpoint['id']}", {'endpoint': {'url': url}})


if __name__ == '__main__':
    keystone = Keystone(sys.argv[1])
    print(keystone.token, keystone.project)
