#!/usr/bin/python3
"""Tiny stand-in for the GETs that Cetus, Heat's constraints and Magnum make against Nova, Glance, Neutron and Cinder, plus the etcd
discovery service. No authentication check (it only ever listens on 127.0.0.1)."""
import json, os, re, sys, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit, parse_qsl

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8770
BASE = f"http://127.0.0.1:{PORT}"
NS = uuid.UUID('6ba7b810-9dad-11d1-80b4-00c04fd430c8')
uid = lambda s: str(uuid.uuid5(NS, s))
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFrZWtleWZha2VrZXlmYWtla2V5ZmFrZWtleWZha2U stub"

FLAVORS = [dict(id=str(i), name=n, vcpus=c, ram=r, disk=d, swap="", rxtx_factor=1.0,
                **{"OS-FLV-EXT-DATA:ephemeral": 0, "os-flavor-access:is_public": True, "OS-FLV-DISABLED:disabled": False}, links=[])
           for i, (n, c, r, d) in enumerate([("m1.small", 1, 2048, 20), ("m1.medium", 2, 4096, 40), ("m1.large", 4, 8192, 80)], 1)]
IMAGES = [dict(id=uid("img/" + n), name=n, os_distro=d, status="active", visibility="public", min_ram=0, min_disk=0,
               size=1024, container_format="bare", disk_format="qcow2", owner="0" * 32, protected=False, tags=[],
               checksum="0" * 32, created_at="2026-01-01T00:00:00Z", updated_at="2026-01-01T00:00:00Z",
               schema="/v2/schemas/image", file="/v2/images/%s/file" % uid("img/" + n), self="/v2/images/" + uid("img/" + n))
          for n, d in [("fedora-coreos-37", "fedora-coreos"), ("ubuntu-22.04", "ubuntu"), ("no-distro", None)]]
for image in IMAGES:
    if image["os_distro"] is None: del image["os_distro"]   # an image that does not say what it holds
SUBNETS = [dict(id=uid("sub/private"), name="private-subnet", network_id=uid("net/private"), cidr="127.20.0.0/16",
                ip_version=4, enable_dhcp=True, gateway_ip="127.20.0.1", dns_nameservers=[], allocation_pools=[], host_routes=[], tenant_id="0" * 32)]
NETS = [dict(id=uid("net/public"), name="public", status="ACTIVE", admin_state_up=True, shared=True, subnets=[], tenant_id="0" * 32, **{"router:external": True}),
        dict(id=uid("net/private"), name="private", status="ACTIVE", admin_state_up=True, shared=False, subnets=[uid("sub/private")], tenant_id="0" * 32, **{"router:external": False})]
VTYPES = [dict(id=uid("vt/stub"), name="stub", description="", is_public=True, extra_specs={})]
SCHEMA = {"name": "image", "properties": {k: {"type": ["null", "string"]} for k in
          ("id", "name", "status", "visibility", "checksum", "container_format", "disk_format", "owner", "created_at", "updated_at", "self", "file", "schema")},
          "additionalProperties": {"type": "string"}}

def flt(rows, q):
    def same(a, b): return str(a).lower() == str(b).lower()
    return [r for r in rows if all(k not in r or same(r[k], v) for k, v in q)]

def route(path, q):
    m = re.fullmatch(r"/compute(/v2\.1)?/?", path)
    if m: return 200, {"version": {"id": "v2.1", "status": "CURRENT", "version": "2.90", "min_version": "2.1", "links": [{"rel": "self", "href": BASE + "/compute/v2.1/"}]}}
    if path.startswith("/compute/v2.1/flavors"):
        rest = path[len("/compute/v2.1/flavors"):].strip("/")
        if rest in ("", "detail"): return 200, {"flavors": FLAVORS}
        f = [x for x in FLAVORS if rest in (x["id"], x["name"])]
        return (200, {"flavor": f[0]}) if f else (404, {"itemNotFound": {"code": 404, "message": "Flavor %s could not be found." % rest}})
    m = re.fullmatch(r"/compute/v2\.1/os-keypairs/([^/]+)", path)
    if m:
        if m[1].startswith("missing"): return 404, {"itemNotFound": {"code": 404, "message": "Keypair not found"}}
        owner = dict(q).get("user_id", "0")   # another user's key pairs, which Nova shows an administrator (microversion 2.10)
        return 200, {"keypair": {"name": m[1], "public_key": KEY, "fingerprint": "00", "user_id": owner, "id": 1, "type": "ssh", "deleted": False, "created_at": "2026-01-01T00:00:00Z"}}
    if path == "/compute/v2.1/os-keypairs": return 200, {"keypairs": []}
    if path == "/compute/v2.1/servers" or path == "/compute/v2.1/servers/detail": return 200, {"servers": []}
    if path in ("/image", "/image/", "/image/versions"): return 200, {"versions": [{"id": "v2.9", "status": "CURRENT", "links": [{"rel": "self", "href": BASE + "/image/v2/"}]}]}
    if path == "/image/v2/schemas/image": return 200, SCHEMA
    if path == "/image/v2/images": return 200, {"images": flt(IMAGES, [x for x in q if x[0] in ("name", "id")]), "first": "/v2/images", "schema": "/v2/schemas/images"}
    m = re.fullmatch(r"/image/v2/images/([^/]+)", path)
    if m:
        i = [x for x in IMAGES if x["id"] == m[1]]
        return (200, i[0]) if i else (404, {"message": "No image found with ID " + m[1]})
    if path in ("/network", "/network/"): return 200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": BASE + "/network/v2.0/"}]}]}
    m = re.fullmatch(r"/network/v2\.0/(networks|subnets|floatingips|routers|ports|extensions|security-groups)(?:\.json)?(?:/([^/.]+)(?:\.json)?)?", path)
    if m:
        rows = {"networks": NETS, "subnets": SUBNETS}.get(m[1], [])
        if not m[2]: return 200, {m[1]: flt(rows, q)}
        r = [x for x in rows if x["id"] == m[2]]
        return (200, {m[1][:-1]: r[0]}) if r else (404, {"NeutronError": {"type": "NotFound", "message": "not found", "detail": ""}})
    m = re.fullmatch(r"/volume/v3/[^/]+/types(?:/([^/]+))?", path)
    if m: return 200, ({"volume_type": VTYPES[0]} if m[1] else {"volume_types": VTYPES})
    if path in ("/volume", "/volume/", "/volume/v3/"): return 200, {"versions": [{"id": "v3.0", "status": "CURRENT", "version": "3.60", "min_version": "3.0", "links": [{"rel": "self", "href": BASE + "/volume/v3/"}]}]}
    if path == "/discovery/new": return 200, BASE + "/discovery/" + uuid.uuid4().hex + "?size=" + dict(q).get("size", "1")
    if path.startswith("/discovery/"): return 200, {"action": "get", "node": {"key": path, "value": dict(q).get("size", "1"), "nodes": []}}
    if path == "/healthz": return 200, {"ok": True, "images": IMAGES, "networks": NETS, "subnets": SUBNETS, "flavors": FLAVORS}
    return 404, {"error": "stub has no route", "path": path}

class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        u = urlsplit(self.path); q = parse_qsl(u.query)
        code, body = route(re.sub(r"//+", "/", u.path), q)
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(code); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data))); self.end_headers(); self.wfile.write(data)
        if code == 404: print("404", self.path, flush=True)
    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0); raw = self.rfile.read(n); u = urlsplit(self.path)
        if u.path.startswith("/compute/v2.1/os-keypairs"):   # any keypair exists already; creating and deleting one is only acknowledged
            name = json.loads(raw or b"{}").get("keypair", {}).get("name", "")
            code = 200 if self.command == "POST" else 202
            data = json.dumps({"keypair": {"name": name, "public_key": KEY, "private_key": "-", "fingerprint": "00", "user_id": "0"}}).encode() if code == 200 else b""
            self.send_response(code); self.send_header("Content-Type", "application/json"); self.send_header("Content-Length", str(len(data))); self.end_headers(); self.wfile.write(data); return
        print("unexpected", self.command, self.path, flush=True)
        self.send_response(501); self.send_header("Content-Length", "0"); self.end_headers()
    do_PUT = do_DELETE = do_PATCH = do_POST
    def log_message(self, *a): pass

class S(ThreadingHTTPServer):
    request_queue_size = 128; daemon_threads = True
S(("127.0.0.1", PORT), H).serve_forever()
