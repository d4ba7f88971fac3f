# A node of the cluster: containerd, kubelet and, on the first cluster, kube-proxy; to be sourced after env.sh.

node_configs() {
  local cgroup=/
  # Another cluster's pods live in a cgroup of their own: two kubelets in one would end each other's.
  if [ "$INDEX" != 0 ]; then
    cgroup=/lab-$NAME
    local controller file
    for controller in /sys/fs/cgroup/*/; do mkdir -p "$controller$cgroup"; done
    for file in cpuset.cpus cpuset.mems; do
      [ -e "/sys/fs/cgroup/cpuset/$file" ] && cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset$cgroup/$file"
    done
  fi
  mkdir -p "$ETC/cni"
  cat >"$ETC/containerd.toml" <<C
version = 2
root = "$STATE/containerd/root"
state = "$STATE/containerd/state"
[grpc]
  address = "$SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.local/pause:1"
  restrict_oom_score_adj = true
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$ETC/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
C
  cat >"$ETC/cni/10-bridge.conflist" <<C
{"cniVersion":"0.4.0","name":"$NAME","plugins":[
  {"type":"bridge","bridge":"cni$INDEX","isGateway":true,"ipMasq":false,
   "ipam":{"type":"host-local","dataDir":"$STATE/ipam","ranges":[[{"subnet":"$PODS.0/16"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
  {"type":"portmap","capabilities":{"portMappings":true}}]}
C
  # A container that ends and is removed before its end is reported keeps its pod, as "waiting", until the kubelet next looks at the pod
  # of itself: a minute and a half by default, in which nothing of the pod's namespace is gone. What it leaves of sandboxes is collected
  # once a minute, which nobody can say otherwise.
  cat >"$ETC/kubelet.yaml" <<C
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
port: $((10250 + 20 * INDEX))
healthzPort: $((10248 + 20 * INDEX))
readOnlyPort: 0
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: "$PKI/ca.crt"}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: $cgroup
failSwapOn: false
resolvConf: /etc/resolv.conf
maxPods: 250
syncFrequency: 5s
evictionHard: {nodefs.available: "1%", imagefs.available: "1%", memory.available: "100Mi"}
C
}

load_images() {
  local image
  for image in pause web; do
    ctr -a "$SOCKET" -n k8s.io images ls -q | grep -qx "registry.local/$image:1" ||
      "$LAB/image" "registry.local/$image:1" $image | ctr -a "$SOCKET" -n k8s.io images import - >/dev/null || return 1
  done
}

start_containerd() {
  daemon containerd containerd -c "$ETC/containerd.toml"
  until_ok 30 containerd ctr -a "$SOCKET" version
}

start_node() {
  node_configs || return 1
  start_containerd && load_images || return 1
  daemon kubelet "$BIN/kubelet" --kubeconfig="$STATE/kubeconfig" --config="$ETC/kubelet.yaml" --root-dir="$STATE/kubelet" \
    --container-runtime=remote --container-runtime-endpoint="unix://$SOCKET" --hostname-override="node-$NAME" \
    --cert-dir="$STATE/kubelet-pki"
  # kube-proxy owns the machine's iptables chains, so Services answer in the first cluster only.
  [ "$INDEX" != 0 ] || daemon kube-proxy "$BIN/kube-proxy" --kubeconfig="$STATE/kubeconfig" --hostname-override="node-$NAME" \
    --proxy-mode=iptables --cluster-cidr="$PODS.0/16"
  until_ok 60 kubelet node_ready
}

node_ready() { # the kubelet answers, and what the API says of it is not from before
  curl -sf --max-time 2 "http://127.0.0.1:$((10248 + 20 * INDEX))/healthz" && kube get node "node-$NAME" | grep -q ' Ready'
}

# Pods are deleted first, so that the kubelet takes their networks and mounts down; then no container is left.
stop_node() {
  local containers=(ctr -a "$SOCKET" -n k8s.io) container folder
  if alive kubelet && alive apiserver; then
    kube delete pods --all --all-namespaces --force --grace-period=0 >/dev/null 2>&1
    for _ in $(seq 60); do [ -z "$("${containers[@]}" containers ls -q)" ] && break; sleep 0.5; done
  fi
  stop_one kubelet
  # Containers outlive a containerd that has ended.
  start_containerd && for container in $("${containers[@]}" tasks ls -q); do
    "${containers[@]}" tasks rm -f "$container" >/dev/null 2>&1
  done
  if [ -s "$RUN/kube-proxy.pid" ]; then stop_one kube-proxy; "$BIN/kube-proxy" --cleanup >/dev/null 2>&1; fi
  stop_one containerd
  [ ! -e "/sys/class/net/cni$INDEX" ] || ip link delete "cni$INDEX"
  awk -v folder="$STATE/" 'index($2, folder) == 1 {print $2}' /proc/mounts | sort -r | xargs -r -n1 umount -l
  for folder in /sys/fs/cgroup/*/"lab-$NAME"; do [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} +; done
}
