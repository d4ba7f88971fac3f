# The cluster's metrics API: a process of its own behind the API server; to be sourced after env.sh.

write_metrics_settings() {
  cat >"$ETC/metrics-server.json" <<C
{"listen": {"address": "127.0.0.1", "port": $P_METRICS},
 "kubelet": {"url": "https://127.0.0.1:$((10250 + 20 * INDEX))", "node": "node-$NAME", "ca": "$STATE/kubelet-pki/kubelet.crt"},
 "api": {"url": "https://127.0.0.1:$PORT", "ca": "$PKI/ca.crt"},
 "client": {"cert": "$PKI/metrics-client.crt", "key": "$PKI/metrics-client.key"},
 "serving": {"cert": "$PKI/metrics-serving.crt", "key": "$PKI/metrics-serving.key"},
 "frontProxy": {"ca": "$PKI/front-proxy-ca.crt", "name": "front-proxy-client"}}
C
}

# An address of this machine is none that Endpoints may have; the API server takes the name of an ExternalName as it is.
metrics_manifests() {
  cat <<M
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  service: {name: metrics-server, namespace: kube-system, port: $P_METRICS}
  group: metrics.k8s.io
  version: v1beta1
  caBundle: $(base64 -w0 "$PKI/ca.crt")
  groupPriorityMinimum: 100
  versionPriority: 100
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:metrics-server}
rules: [{apiGroups: [""], resources: [nodes, pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:metrics-server}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:metrics-server}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: system:metrics-server}]
M
}

start_metrics() {
  [ -n "$NODEJS" ] || { echo 'the metrics API needs Node.js in the PATH; without it, set CETUS_LAB_KUBE_METRICS=0' >&2; return 1; }
  write_metrics_settings
  daemon metrics-server "$NODEJS" "$LAB/metrics-server.mjs" "$ETC/metrics-server.json"
  metrics_manifests | kube apply -f - >/dev/null || return 1
  until_ok 60 metrics-server metrics_served && return 0
  kube get apiservice v1beta1.metrics.k8s.io -o jsonpath='{.status.conditions[*].message}{"\n"}' >&2
  stop_metrics
  return 1
}

metrics_served() { # available through the API server, and not only from before
  kube get apiservice v1beta1.metrics.k8s.io -o jsonpath='{.status.conditions[?(@.type=="Available")].status}' | grep -qx True &&
    kube get --raw /apis/metrics.k8s.io/v1beta1/pods
}

stop_metrics() { # a group that nobody serves would keep namespaces from being deleted
  kube delete apiservice v1beta1.metrics.k8s.io --ignore-not-found >/dev/null || return 1
  stop_one metrics-server
}
