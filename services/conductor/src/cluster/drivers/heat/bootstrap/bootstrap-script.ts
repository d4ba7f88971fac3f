import { CRI_SOCKET } from './kubeadm-config.ts';
import { PAUSE_IMAGE_PLACEHOLDER } from './container-runtime.ts';
import { PACKAGE_FUNCTIONS, WAIT_FOR } from './packages.ts';
import { UPGRADE_TIMER } from './upgrade-script.ts';

export const BOOTSTRAP_SCRIPT_PATH = '/etc/cetus/bootstrap.sh';
export const BOOTSTRAP_COMPLETE_PATH = '/var/lib/cetus/complete';

const PREAMBLE = `#!/bin/bash
# Makes this machine a node of its cluster. Run by cetus-bootstrap.service until it has succeeded once; every step
# looks at what is there first, so that running it again, after a failure or a reboot, is safe.
set -Eeuo pipefail
umask 022
# shellcheck source=/dev/null
. /etc/cetus/node.env
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
STATE=/var/lib/cetus
LOG=/var/log/cetus-bootstrap.log
FAILURES_BEFORE_GIVING_UP=20
STEP=start
mkdir -p "$STATE"
touch "$LOG"
chmod 0600 "$LOG"
exec > >(tee -a "$LOG") 2>&1

step() {
  STEP=$1
  echo "$(date -u +%FT%TZ) $STEP"
}

# Tells Heat how this master ended: signal SUCCESS|FAILURE <reason>. The token stays out of the process list.
signal() {
  [ -n "$SIGNAL_URL" ] || return 0
  local reason options=()
  reason=$(printf '%s' "$2" | tr '\\n' ' ' | tr -cd 'A-Za-z0-9 ._:;,/=()@+-' | cut -c1-800)
  if [ -f /etc/cetus/cloud-ca.pem ]; then options+=(--cacert /etc/cetus/cloud-ca.pem); fi
  printf 'header = "X-Auth-Token: %s"\\n' "$SIGNAL_TOKEN" | curl --config - "\${options[@]}" --silent --show-error --fail \\
    --max-time 60 --retry 5 --output /dev/null --request POST --header 'Content-Type: application/json' \\
    --data-binary "{\\"status\\":\\"$1\\",\\"reason\\":\\"$reason\\",\\"data\\":\\"\\",\\"id\\":\\"$NODE_NAME\\"}" "$SIGNAL_URL"
}

on_exit() {
  local code=$? failures
  [ "$code" -ne 0 ] || return 0
  failures=$(($(cat "$STATE/failures" 2>/dev/null || echo 0) + 1))
  echo "$failures" >"$STATE/failures"
  echo "step '$STEP' failed with exit code $code (failure $failures)"
  if [ "$failures" -eq "$FAILURES_BEFORE_GIVING_UP" ]; then
    signal FAILURE "$NODE_NAME: $STEP failed: $(tail -n 6 "$LOG" | head -n 5)" || echo 'the failure could not be signalled'
  fi
}
trap on_exit EXIT

${WAIT_FOR.trim()}

# api_ready <address>: whether the API there answers, with a certificate of this cluster's authority.
api_ready() {
  curl --silent --fail --noproxy '*' --max-time 10 --output /dev/null --cacert /etc/cetus/pki/ca.crt "https://$1:$API_PORT/readyz"
}
`;

const SYSTEM = `
prepare_system() {
  step 'prepare the kernel'
  modprobe overlay
  modprobe br_netfilter
  sysctl --quiet --system
  swapoff --all
  if [ -f /etc/fstab ]; then sed -i -E '/^[^#].*[[:space:]]swap[[:space:]]/s/^/#/' /etc/fstab; fi
}

# Cinder's volume id, cut to 20 characters on virtio-blk, is the serial number the guest sees.
volume_device() {
  local link
  for link in /dev/disk/by-id/*"\${1:0:20}"*; do
    case $link in
      *-part[0-9]*) ;;
      *) if [ -b "$link" ]; then readlink -f "$link"; return 0; fi ;;
    esac
  done
  return 1
}

# mount_volume <volume id> <directory>: formats only what holds nothing.
mount_volume() {
  local id=$1 directory=$2 device probe=0
  if mountpoint --quiet "$directory"; then return 0; fi
  wait_for 900 volume_device "$id"
  device=$(volume_device "$id")
  blkid --probe "$device" >/dev/null || probe=$?
  case $probe in
    0) ;;
    2) mkfs.ext4 -q "$device" ;;
    *) echo "cannot tell what $device holds (blkid: $probe)"; return 1 ;;
  esac
  mkdir -p "$directory"
  if ! grep -qs " $directory " /etc/fstab; then
    echo "UUID=$(blkid --match-tag UUID --output value "$device") $directory ext4 defaults,nofail 0 2" >>/etc/fstab
  fi
  systemctl daemon-reload
  mount "$directory"
}

mount_volumes() {
  if [ -n "$ETCD_VOLUME" ]; then
    step 'mount the etcd volume'
    mount_volume "$ETCD_VOLUME" /var/lib/etcd
  fi
  if [ -n "$CONTAINER_VOLUME" ]; then
    step 'mount the container volume'
    if ! mountpoint --quiet /var/lib/containerd; then systemctl stop containerd 2>/dev/null || true; fi
    mount_volume "$CONTAINER_VOLUME" /var/lib/containerd
  fi
}
`;

const RUNTIME = `
configure_runtime() {
  step 'configure containerd'
  local pause arguments=(--kubernetes-version "$KUBE_VERSION")
  if [ -n "$IMAGE_REPOSITORY" ]; then arguments+=(--image-repository "$IMAGE_REPOSITORY"); fi
  pause=$(kubeadm config images list "\${arguments[@]}" | grep '/pause:')
  mkdir -p /etc/containerd
  sed "s|${PAUSE_IMAGE_PLACEHOLDER}|$pause|" /etc/cetus/containerd.toml >/etc/containerd/config.toml.new
  mv /etc/containerd/config.toml.new /etc/containerd/config.toml
  systemctl daemon-reload
  systemctl enable containerd kubelet cetus-metadata-guard
  systemctl restart containerd cetus-metadata-guard
}

# kubeadm reset empties /etc/kubernetes/pki, so the authorities are kept in /etc/cetus and copied before each attempt.
install_authorities() {
  install -d -m 0755 /etc/kubernetes/pki
  cp -a /etc/cetus/pki/. /etc/kubernetes/pki/
}

start_control_plane() {
  step 'kubeadm init'
  local ignored=\${KUBEADM_IGNORED:-}
  install_authorities
  # After a first attempt its own files and ports are in the way; kubeadm's phases repeat safely over them, while a
  # reset here could destroy an etcd that other nodes have already joined.
  if [ -f /etc/kubernetes/manifests/kube-apiserver.yaml ]; then ignored=all; fi
  kubeadm init --config /etc/cetus/kubeadm.yaml --skip-token-print "--ignore-preflight-errors=$ignored"
}

join_cluster() {
  if [ "$NODE_ROLE" = control-plane ]; then
    step 'wait for the master before this one'
    # etcd takes one new member at a time.
    wait_for 1200 api_ready "$PREVIOUS_MASTER_ADDRESS"
  fi
  step 'wait for the API'
  wait_for 1200 api_ready "$API_ADDRESS"
  if [ -f "$STATE/join-attempted" ]; then
    step 'undo the failed attempt to join'
    kubeadm reset --force --cri-socket ${CRI_SOCKET}
  fi
  if [ "$NODE_ROLE" = control-plane ]; then install_authorities; fi
  step 'kubeadm join'
  touch "$STATE/join-attempted"
  kubeadm join --config /etc/cetus/kubeadm.yaml "--ignore-preflight-errors=\${KUBEADM_IGNORED:-}"
}

admin_kubectl() {
  kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout 30s "$@"
}

finish_master() {
  step 'wait for the API of this master'
  wait_for 600 api_ready "$NODE_ADDRESS"
  wait_for 600 api_ready "$API_ADDRESS"
  if [ "$NODE_ROLE" = init ]; then
    step 'apply the pod network'
    admin_kubectl apply --filename /etc/cetus/flannel.yaml
  fi
  step 'wait for the node'
  kubectl --kubeconfig /etc/kubernetes/admin.conf wait --for condition=Ready --timeout 600s "node/$NODE_NAME"
  step 'signal'
  signal SUCCESS "$NODE_NAME is ready"
}
`;

const MAIN = `
prepare_system
mount_volumes
step 'install packages'
install_packages
configure_runtime
if [ ! -f "$STATE/joined" ]; then
  if [ "$NODE_ROLE" = init ]; then start_control_plane; else join_cluster; fi
  touch "$STATE/joined"
fi
if [ "$NODE_ROLE" != worker ]; then finish_master; fi
systemctl enable --now ${UPGRADE_TIMER}
step 'complete'
touch ${BOOTSTRAP_COMPLETE_PATH}
`;

/**
 * The script that makes a machine a node.
 * @param installPackages defines the shell function `install_packages`, after which containerd, kubeadm, kubelet and
 *   kubectl of the asked version are there; may set KUBEADM_IGNORED (names of preflight checks).
 */
export function bootstrapScript(installPackages: string): string {
  return `${PREAMBLE}${SYSTEM}${PACKAGE_FUNCTIONS}${installPackages}${RUNTIME}${MAIN}`;
}
