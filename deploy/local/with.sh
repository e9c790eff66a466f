#!/usr/bin/env bash
# Runs a command with private servers: with.sh COMMAND..., or SERVERS="rabbitmq smtp" with.sh COMMAND... for some of them,
# ENGINES=mariadb,rabbitmq for another pair of database and broker than MySQL 9 and RabbitMQ 4.
# Installs what is missing, starts them in a folder of their own below target/local, sets the variables of their env file
# for the command, and always ends them, also on failure, on a signal, and if this script itself is killed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/lib.sh"

(($# > 0)) || fail "usage: with.sh COMMAND..."
mkdir -p "$repo/target/local"
LOCAL_RUN_DIR=$(mktemp -d "$repo/target/local/run-XXXXXX")
export LOCAL_RUN_DIR
trap '"$here/down.sh" || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# A script that is killed outright runs no traps: this one looks after it.
# shellcheck disable=SC2016
setsid bash -c 'while kill -0 "$1" 2>/dev/null; do sleep 2; done; exec "$2"' watch "$$" "$here/down.sh" >/dev/null 2>&1 </dev/null &

read -r -a wanted <<<"${SERVERS:-$servers_default}"
# One at a time: runs side by side lack the same things.
flock "$repo/target/local/install.lock" "$here/install.sh" "${wanted[@]}"
"$here/up.sh" "${wanted[@]}"
set -a
# shellcheck source=/dev/null
source "$LOCAL_RUN_DIR/env"
set +a
# In the background, so that a signal is answered at once and not when the command ends.
"$@" &
command_pid=$!
trap 'kill -INT $command_pid 2>/dev/null || true; exit 130' INT
trap 'kill -TERM $command_pid 2>/dev/null || true; exit 143' TERM HUP
wait "$command_pid"
