import { ANNOTATION } from '../upgrade/annotations.ts';
import { PACKAGE_FUNCTIONS, WAIT_FOR } from './packages.ts';

export const UPGRADE_SCRIPT_PATH = '/etc/cetus/upgrade.sh';
export const UPGRADE_SERVICE = 'cetus-upgrade.service';
export const UPGRADE_TIMER = 'cetus-upgrade.timer';

/** An annotation, in the words of kubectl's jsonpath. */
function annotation(name: string): string {
  return `{.metadata.annotations.${name.replaceAll('.', String.raw`\.`)}}`;
}

const ASKED = [
  annotation(ANNOTATION.version),
  annotation(ANNOTATION.operation),
  annotation(ANNOTATION.state),
  annotation(ANNOTATION.reported),
  '{.status.nodeInfo.kubeletVersion}',
].join('|');

const PREAMBLE = `#!/bin/bash
# Brings Kubernetes on this machine to the version that an annotation of its own Node asks for. Run by ${UPGRADE_SERVICE}
# again and again; every step looks at what is there first, so that running it again, after it was killed, is safe.
set -Eeuo pipefail
umask 022
# shellcheck source=/dev/null
. /etc/cetus/node.env
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
STATE=/var/lib/cetus
LOG=/var/log/cetus-upgrade.log
STEP=start

# One at a time; what a killed run had begun holds the lock until it has ended.
exec 9>"$STATE/upgrade.lock"
flock --nonblock 9 || exit 0

# With the kubelet's own credentials, which may write annotations of its own Node.
node_kubectl() {
  kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout 30s "$@"
}

step() {
  STEP=$1
  echo "$(date -u +%FT%TZ) $STEP"
}

annotate() {
  node_kubectl annotate node "$NODE_NAME" --overwrite "${ANNOTATION.state}=$1" "${ANNOTATION.message}=$2" \\
    "${ANNOTATION.reported}=$OPERATION" >/dev/null
}

# report running|done|failed <message>. While a master is changed its API may be away.
report() {
  wait_for 600 annotate "$1" "$(printf '%s' "$2" | tr '\\n' ' ' | tr -cd '[:print:]' | cut -c1-400)"
}

on_exit() {
  local code=$? last
  trap - EXIT
  [ "$code" -ne 0 ] || return 0
  # kubeadm ends with a hint that says nothing of the failure.
  last=$(grep -v 'stack trace' "$LOG" | tail -n 1) || last=
  echo "step '$STEP' failed with exit code $code"
  report failed "$STEP failed: $last" || echo 'the failure could not be reported'
  tail -n 20 "$LOG" >&3
}
`;

const MAIN = `
kubelet_is_asked() {
  [ "$(node_kubectl get node "$NODE_NAME" --output 'jsonpath={.status.nodeInfo.kubeletVersion}')" = "$KUBE_VERSION" ]
}

# The repository of packages has a folder for each minor version.
aim_at() {
  local minor=\${1#v1.} old new
  minor=\${minor%%.*}
  old=/v1.$KUBE_MINOR/
  new=/v1.$minor/
  PACKAGE_REPOSITORY=\${PACKAGE_REPOSITORY:-}
  PACKAGE_REPOSITORY=\${PACKAGE_REPOSITORY/"$old"/$new}
  KUBE_MINOR=$minor
  KUBE_VERSION=$1
}

asked=$(node_kubectl get node "$NODE_NAME" --output 'jsonpath=${ASKED}') || {
  echo 'the API does not answer'
  exit 0
}
IFS='|' read -r VERSION OPERATION REPORTED_STATE REPORTED RUNNING <<<"$asked"
[ -n "$VERSION" ] || exit 0
if [ "$REPORTED" != "$OPERATION" ]; then REPORTED_STATE=; fi
# What failed is tried again when the next operation asks for it.
if [ "$REPORTED_STATE" = failed ]; then exit 0; fi
if [ "$VERSION" = "$RUNNING" ]; then
  if [ "$REPORTED_STATE" != done ]; then annotate done "Kubernetes is $VERSION"; fi
  exit 0
fi

exec 3>&1 >"$LOG" 2>&1
chmod 0600 "$LOG"
trap on_exit EXIT
# A machine that is shut down goes on when it is up again.
trap 'trap - EXIT; exit 143' TERM INT HUP
step 'read the version'
[[ $VERSION =~ ^v1\\.[0-9]{1,3}\\.[0-9]{1,3}$ ]] || { echo "$VERSION is no version of Kubernetes"; exit 1; }
report running "from $RUNNING to $VERSION"
aim_at "$VERSION"
# What a killed run has left half done.
if command -v dpkg >/dev/null; then dpkg --configure -a || true; fi
# A kubelet must not be newer than the API, so it comes last.
step 'install kubeadm'
TOOLS=(kubeadm)
install_packages
step 'kubeadm upgrade'
if [ "$NODE_ROLE" = init ]; then
  kubeadm upgrade apply --yes "--ignore-preflight-errors=\${KUBEADM_IGNORED:-}" "$KUBE_VERSION"
else
  kubeadm upgrade node "--ignore-preflight-errors=\${KUBEADM_IGNORED:-}"
fi
step 'install the kubelet'
TOOLS=(kubelet kubectl)
install_packages
step 'restart the kubelet'
systemctl daemon-reload
systemctl restart kubelet
wait_for 300 kubelet_is_asked
report done "Kubernetes is $KUBE_VERSION"
`;

/**
 * The script that upgrades a node where it is, when its Node asks for it.
 * @param installPackages as of the bootstrap's script
 */
export function upgradeScript(installPackages: string): string {
  return `${PREAMBLE}${WAIT_FOR}${PACKAGE_FUNCTIONS}${installPackages}${MAIN}`;
}
