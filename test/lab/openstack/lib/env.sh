# Settings and helpers of the lab; to be sourced. Everything listens on 127.0.0.1.
LAB="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
STATE="${CETUS_LAB_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cetus/lab/openstack}"
PW="${CETUS_LAB_PASSWORD:-devpw}"        # of every account: this is reachable from this machine only
REGION="${CETUS_LAB_REGION:-RegionOne}"
OFFSET="${CETUS_LAB_PORT_OFFSET:-0}"     # added to every port, for a second lab beside the first
MAGNUM="${CETUS_LAB_MAGNUM:-0}"          # 1: Magnum too
MAGNUM_STOCK="${CETUS_LAB_MAGNUM_STOCK:-0}"   # 1: its own conductor and template, slow
P_KEYSTONE=$((5000 + OFFSET)); P_HEAT=$((8004 + OFFSET)); P_MAGNUM=$((9611 + OFFSET))
P_STUB=$((8770 + OFFSET)); P_DB=$((13306 + OFFSET)); P_MEMCACHED=$((11219 + OFFSET))
VHOST=openstack; [ "$OFFSET" = 0 ] || VHOST="openstack-$OFFSET"
RABBIT_URL="rabbit://openstack:$PW@127.0.0.1:5672/$VHOST"
ETC="$STATE/etc"; LOG="$STATE/log"; RUN="$STATE/run"

# The distribution's python3, whatever else a developer has installed.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset PYTHONUNBUFFERED PYTHONPATH
# The checkout is not to be written into.
export PYTHONDONTWRITEBYTECODE=1

. "$LAB/../lib/processes.sh"

dburl() { echo "mysql+pymysql://$1:$PW@127.0.0.1:$P_DB/$1?charset=utf8"; }

wait_http() { # wait_http URL SECONDS NAME: until it answers; fails at once when the process has ended
  local i
  for ((i = 0; i < $2 * 5; i++)); do
    curl -s -o /dev/null --max-time 2 "$1" && return 0
    alive "$3" || { echo "$3 ended: $(tail -n 3 "$LOG/$3.out")" >&2; return 1; }
    sleep 0.2
  done
  echo "$3 does not answer at $1" >&2
  return 1
}

uwsgi_api() { # uwsgi_api NAME PORT WSGI-FILE [OPTIONS...]
  local name=$1 port=$2 file=$3; shift 3
  daemon "$name" uwsgi --master --plugins python3 --http-socket "127.0.0.1:$port" --wsgi-file "$file" \
    --processes 2 --threads 8 --enable-threads --lazy-apps --die-on-term --no-orphans --thunder-lock \
    --buffer-size 65535 --listen 100 --rem-header Content-Length --add-header "Connection: close" \
    --chdir "$STATE" --logto "$LOG/$name.log" --procname-prefix "$name " --disable-logging "$@"
}
