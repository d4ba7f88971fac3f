#!/usr/bin/python3
"""register.py OPENRC REGION [URL]: the container-infra endpoints of a region; without URL they are removed."""
import sys
import urllib.error

from keystone import Keystone

openrc, region = sys.argv[1:3]
url = f'{sys.argv[3]}/v1' if len(sys.argv) > 3 else None
keystone = Keystone(openrc)
if url is not None:
    try:
        keystone.call('GET', f'/regions/{region}')
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        keystone.call('POST', '/regions', {'region': {'id': region}})
# The name that Magnum's own has, so that there is one service of the type.
keystone.set_endpoints('magnum', 'container-infra', url, region)
if url is None and not keystone.call('GET', f'/endpoints?region_id={region}')['endpoints']:
    keystone.call('DELETE', f'/regions/{region}')
