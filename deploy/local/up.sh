#!/usr/bin/env bash
# Starts private servers on free ports and waits until each answers: up.sh [mysql|mariadb|mariadb11|
# rabbitmq|rabbitmq4|rabbitmq43|mongodb|smtp ...], default one of each (ENGINES=mysql,rabbitmq4 says which pair).
# They live in LOCAL_RUN_DIR (default target/local/run); its file `env` says where they are. Started again in the same
# folder, a server keeps its ports and data. Nothing else on the machine is touched. down.sh ends them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/lib.sh"

mkdir -p "$run_dir"
run_dir=$(cd "$run_dir" && pwd)
read -r -a wanted <<<"${*:-$servers_default}"
for server in "${wanted[@]}"; do
  [[ " $servers_known " == *" $server "* ]] || fail "unknown server $server; known are: $servers_known"
  # shellcheck source=/dev/null
  source "$here/servers/$server.sh"
  [[ -z $("${server}_missing") ]] || fail "$server is not installed; deploy/local/install.sh gets it"
  dir="$run_dir/$server"
  if [[ -f $dir/$server.pid ]] && kill -0 "$(cat "$dir/$server.pid")" 2>/dev/null; then
    say "$server is running already"
    continue
  fi
  if [[ ! -f $dir/env ]]; then
    rm -rf "$dir" && mkdir -p "$dir"
    "${server}_prepare" "$dir"
  fi
  # In a subshell: what a server needs in its environment is its own.
  ("${server}_start" "$dir")
  say "$server is up ($(grep -h VERSION "$dir/env" | cut -d= -f2 | tr -d \\\\))"
done
cat "$run_dir"/*/env >"$run_dir/env.new"
printf 'REAL_SERVERS_ENV=%q\n' "$run_dir/env" >>"$run_dir/env.new"
mv "$run_dir/env.new" "$run_dir/env"
