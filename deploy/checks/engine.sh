#!/usr/bin/env bash
# Runs a command with a Docker engine and Compose v2: engine.sh COMMAND...
#
# The engine and the compose plugin that are there are used. On a bare Debian, as root, both are had from Debian's packages
# (docker.io, iptables; docker-compose of COMPOSE_SUITE, default trixie), and an engine of this run's own is started below
# target/compose-test, with a socket, data and network bridge of its own, and ended with the command, also if this script is
# killed. Its images stay, for the next run. Sets DOCKER_HOST, DOCKER_CONFIG and ENGINE_VERSIONS for the command.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
source "$repo/deploy/local/packages.sh"
say() { printf 'engine: %s\n' "$*" >&2; }
fail() { printf 'engine: FAILED: %s\n' "$*" >&2; exit 1; }

home=$repo/target/compose-test
suite=${COMPOSE_SUITE:-trixie}
(($# > 0)) || fail 'usage: engine.sh COMMAND...'
mkdir -p "$home"

install_engine() {
  command -v dockerd >/dev/null && command -v iptables >/dev/null && command -v docker >/dev/null && return
  [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null ||
    fail 'no Docker engine answers, and one can be installed only as root on Debian (docker.io, iptables)'
  install_apt docker.io iptables
}

# The plugin is one static binary: taken out of its package into a configuration folder of this run's own.
install_compose() {
  export DOCKER_CONFIG=$home/cli-$suite
  [[ ! -x $DOCKER_CONFIG/cli-plugins/docker-compose ]] || return 0
  command -v apt-get >/dev/null || fail 'docker compose 2.26 or later is needed'
  say "taking docker compose from Debian $suite's package"
  local apt=$home/apt-$suite keys=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$DOCKER_CONFIG/cli-plugins"
  echo "deb [signed-by=$keys] $(mirror) $suite main" >"$apt/sources.list"
  local options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists"
    -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >/dev/null || fail "apt-get update of $suite"
  (cd "$apt" && rm -f ./*.deb && apt-get "${options[@]}" download docker-compose >&2 && dpkg -x ./*.deb tree) || fail 'docker-compose'
  mv "$(find "$apt/tree" -name docker-compose -type f -size +1M -print -quit)" "$DOCKER_CONFIG/cli-plugins/docker-compose"
  rm -rf "$apt"
}

start_engine() {
  local dir=$home/engine
  # The path of a socket has at most 107 characters.
  run=$(mktemp -d /tmp/engine-XXXXXX)
  mkdir -p "$dir/data" "$dir/exec"
  [[ ! -f $dir/engine.pid ]] || ! kill -0 "$(cat "$dir/engine.pid")" 2>/dev/null || fail "an engine is running already: $dir"
  : >"$dir/engine.log"
  spawn "$dir" engine dockerd --data-root "$dir/data" --exec-root "$run/exec" -H "unix://$run/socket" --pidfile "$run/pid" \
    --bip 172.30.56.1/24 --default-address-pool base=172.30.60.0/22,size=27 --userland-proxy=true
  export DOCKER_HOST=unix://$run/socket
  # A script that is killed outright runs no traps: this one looks after it.
  # shellcheck disable=SC2016
  setsid bash -c 'while kill -0 "$1" 2>/dev/null; do sleep 2; done; [[ ! -e $2 ]] || kill -TERM "$(cat "$2")"' \
    watch "$$" "$run/pid" >/dev/null 2>&1 </dev/null &
  wait_for "$dir" engine docker version
}

stop_engine() {
  docker ps -q | xargs -r docker kill >/dev/null 2>&1 || true
  kill_group "$home/engine/engine.pid" TERM
  umount -R "$run/exec" 2>/dev/null || true
  rm -rf "$run"
}

if docker version >/dev/null 2>&1; then
  say 'using the engine that is there'
else
  install_engine
  start_engine
  trap 'stop_engine' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
fi
docker compose version >/dev/null 2>&1 && [[ -z ${COMPOSE_SUITE:-} ]] || install_compose
compose_version=$(docker compose version --short)
[[ $(printf '2.26.0\n%s\n' "${compose_version#v}" | sort -V | head -n 1) == 2.26.0 ]] || install_compose
ENGINE_VERSIONS="Docker engine $(docker version --format '{{.Server.Version}}'), Compose $(docker compose version --short)"
export ENGINE_VERSIONS
say "$ENGINE_VERSIONS (after $SECONDS s)"
"$@" &
command_pid=$!
trap 'kill -INT $command_pid 2>/dev/null || true; wait $command_pid || true; exit 130' INT
trap 'kill -TERM $command_pid 2>/dev/null || true; wait $command_pid || true; exit 143' TERM HUP
wait "$command_pid"
