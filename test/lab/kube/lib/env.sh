# Settings and helpers of a Kubernetes of the lab; to be sourced with the cluster's name as $1. The API listens on 127.0.0.1.
LAB="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
NAME="${1:-a}"
[[ "$NAME" =~ ^[a-z][a-z0-9-]{0,30}$ ]] || { echo "not a name for a cluster: $NAME" >&2; exit 2; }
STATE="${CETUS_LAB_KUBE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cetus/lab/kube}/$NAME"
BIN="${CETUS_LAB_CACHE:-$HOME/.cache/cetus-lab}/kube-1.20.2/bin"
# One number keeps clusters apart: ports, networks, cgroups. a is 0, b is 1, and so on.
# The variables have names of their own: npm sets NODE, and others PORT.
INDEX="${CETUS_LAB_KUBE_INDEX:-}"
if [ -z "$INDEX" ]; then
  [ ${#NAME} = 1 ] && INDEX=$(($(printf '%d' "'$NAME") - 97)) || { echo "CETUS_LAB_KUBE_INDEX must say which number $NAME has" >&2; exit 2; }
fi
PORT="${CETUS_LAB_KUBE_PORT:-$((16443 + 100 * INDEX))}"   # the API's; others take the ones 4000 to 3998 below
NODE="${CETUS_LAB_KUBE_NODE:-1}"                          # 0: no node; pods stay pending
METRICS="${CETUS_LAB_KUBE_METRICS:-$NODE}"                # 0: no metrics API; autoscalers do nothing
P_ETCD=$((PORT - 4000)); P_METRICS=$((PORT - 3998))
METRICS_SERVICE=metrics-server.kube-system.svc            # what the API server calls the metrics server
SERVICES="10.$((96 + INDEX)).0"; PODS="10.$((188 + INDEX)).0"
ETC="$STATE/etc"; PKI="$STATE/pki"; LOG="$STATE/log"; RUN="$STATE/run"
SOCKET="$STATE/containerd.sock"
NODEJS="$(command -v node)"                               # wherever it is installed
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8

. "$LAB/../lib/processes.sh"

until_ok() { # until_ok SECONDS NAME COMMAND...: until the command succeeds; fails at once when the process NAME has ended
  local until=$((SECONDS + $1)) name=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { echo "$name ended: $(tail -n 3 "$LOG/$name.out")" >&2; return 1; }
    [ $SECONDS -lt $until ] || { echo "$name does not come up; see $LOG/$name.out" >&2; return 1; }
    sleep 0.2
  done
}

kube() { kubectl --kubeconfig "$STATE/kubeconfig" --request-timeout=20s "$@"; }
