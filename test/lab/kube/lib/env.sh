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
PORT="${CETUS_LAB_KUBE_PORT:-$((16443 + 100 * INDEX))}"   # the API's; etcd takes the ones 4000 and 3999 below
NODE="${CETUS_LAB_KUBE_NODE:-1}"                          # 0: no node; pods stay pending
P_ETCD=$((PORT - 4000))
SERVICES="10.$((96 + INDEX)).0"; PODS="10.$((188 + INDEX)).0"
ETC="$STATE/etc"; PKI="$STATE/pki"; LOG="$STATE/log"; RUN="$STATE/run"
SOCKET="$STATE/containerd.sock"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN{printf "%.1f", b-a}'; }

step() { # step NAME COMMAND...: runs it and says how long it took
  local begun rc; begun=$(now)
  "${@:2}"; rc=$?
  printf '%-22s %6s s%s\n' "$1" "$(since "$begun")" "$([ $rc = 0 ] || echo "  FAILED ($rc)")"
  return $rc
}

# When a process began, in clock ticks since the boot: with its number it names one process for ever.
begun_at() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  # The name, which may hold anything, is in parentheses; after it comes the state. A zombie has ended.
  set -- ${stat##*) }
  [ "$1" = Z ] || echo "${20}"
}

alive() { # alive NAME: whether the process that was recorded still runs
  local pid begun
  [ -s "$RUN/$1.pid" ] && read -r pid begun <"$RUN/$1.pid" && [ -n "$begun" ] && [ "$(begun_at "$pid")" = "$begun" ]
}

daemon() { # daemon NAME COMMAND...: records the process; nothing when it already runs
  local name=$1 pid; shift
  alive "$name" && return 0
  setsid nohup "$@" >>"$LOG/$name.out" 2>&1 </dev/null &
  pid=$!
  echo "$pid $(begun_at $pid)" >"$RUN/$name.pid"
}

stop_one() { # stop_one NAME: TERM, 10 s, KILL; only the process that was recorded
  local pid
  if alive "$1"; then
    read -r pid _ <"$RUN/$1.pid"
    kill -TERM "$pid"
    for _ in $(seq 50); do alive "$1" || break; sleep 0.2; done
    alive "$1" && kill -KILL "$pid"
  fi
  rm -f "$RUN/$1.pid"
}

until_ok() { # until_ok SECONDS NAME COMMAND...: until the command succeeds; fails at once when the process NAME has ended
  local until=$((SECONDS + $1)) name=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { echo "$name ended: $(tail -n 3 "$LOG/$name.out")" >&2; return 1; }
    [ $SECONDS -lt $until ] || { echo "$name does not come up; see $LOG/$name.out" >&2; return 1; }
    sleep 0.2
  done
}

kube() { kubectl --kubeconfig "$STATE/kubeconfig" --request-timeout=20s "$@"; }
