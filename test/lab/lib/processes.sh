# How the lab starts, knows and ends processes; to be sourced by scripts that have set LOG and RUN.

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

stop_one() { # stop_one NAME: TERM, 10 s, KILL to it and its children; only the process that was recorded
  local pid
  if alive "$1"; then
    read -r pid _ <"$RUN/$1.pid"
    kill -TERM "$pid"
    for _ in $(seq 50); do alive "$1" || break; sleep 0.2; done
    alive "$1" && kill -KILL -- "-$pid"
  fi
  rm -f "$RUN/$1.pid"
}
