# Shared by the scripts of this folder; to be sourced. Everything they make lies below target/local of the repository.
# shellcheck shell=bash disable=SC2034

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Tools that are not the system's: installed once, shared by all runs.
tools="$repo/target/local/tools"
# One run = one folder with its servers' data, logs, pids and the env file.
run_dir=${LOCAL_RUN_DIR:-$repo/target/local/run}
servers_known="mysql mariadb mariadb11 rabbitmq rabbitmq4 rabbitmq43 mongodb smtp"
# The pair of database and broker: ENGINES=mariadb,rabbitmq for the older ones.
engines=${ENGINES:-mysql,rabbitmq4}
servers_default="${engines//,/ } mongodb smtp"
# A server that has not answered by then has failed.
start_limit_s=300

say() { printf 'local: %s\n' "$*" >&2; }
fail() { printf 'local: FAILED: %s\n' "$*" >&2; exit 1; }

# fail_with_log LOG WHAT: the end of the log first, since the log goes with its folder.
fail_with_log() {
  tail -n 20 "$1" >&2 || true
  fail "$2; its log was $1"
}

# Prints so many free ports. Below the range that outgoing connections get theirs from: a client that keeps dialling a
# server that is down could otherwise be given the server's own port.
free_ports() {
  python3 - "$1" <<'PY'
import random, socket, sys
held, wanted = [], int(sys.argv[1])
for port in random.sample(range(20000, 32000), 500):
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", port))
    except OSError:
        continue
    held.append((port, s))
    if len(held) == wanted:
        break
else:
    sys.exit("no free ports")
print(*(port for port, _ in held))
PY
}

# Where a system of its own lies that Debian's packages of another suite are unpacked into, and whether it is there.
root_of() { echo "$tools/roots/$1"; }
# root_missing <server> "<suite> <packages, by comma>"
root_missing() { [[ -d $(root_of "$1") ]] || echo "root:$1:$2"; }
# Fills the array `enter` with what a program of such a system is started by. use_root <server> <dir>
use_root() { enter=("$repo/deploy/local/in-root.sh" "$(root_of "$1")" "$2"); }

# Starts a command as the leader of its own process group: spawn <dir> <name> <command...>
spawn() {
  local dir=$1 name=$2
  shift 2
  setsid "$@" >>"$dir/$name.log" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
}

# Waits until a command succeeds; fails with the end of the log if the process dies first or time runs out:
# wait_for <dir> <name> <command...>
wait_for() {
  local dir=$1 name=$2 deadline=$((SECONDS + start_limit_s))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "$(cat "$dir/$name.pid")" 2>/dev/null || ((SECONDS > deadline)); then
      fail_with_log "$dir/$name.log" "$name did not come up"
    fi
    sleep 0.2
  done
}

# Ends a process group by its pid file: politely, then not. kill_group <pid file> <signal>
kill_group() {
  local file=$1 signal=$2 pid tries
  pid=$(cat "$file")
  kill "-$signal" -- "-$pid" 2>/dev/null || true
  for ((tries = 0; tries < 100; tries++)); do
    kill -0 -- "-$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL -- "-$pid" 2>/dev/null || true
  rm -f "$file"
}

# Remembers a variable of a server in its folder; up.sh gathers them. put <dir> NAME value
put() { printf '%s=%q\n' "$2" "$3" >>"$1/env"; }

# Makes <dir>/client, the database's own command-line client: client <dir> <program>; `enter` says how it is started.
client() {
  printf '#!/usr/bin/env bash\nexec %s "$@"\n' "${enter[*]@Q} $2" >"$1/client"
  chmod +x "$1/client"
}

# A certificate for 127.0.0.1 and localhost from an authority of its own: certificate <dir> makes ca.pem, server.pem,
# server.key and both.pem (certificate and key) there.
certificate() {
  local dir=$1
  command -v openssl >/dev/null || fail "openssl is needed for the servers' certificates"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=authority of a test" -keyout "$dir/ca.key" -out "$dir/ca.pem"
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$dir/server.key" -out "$dir/server.csr"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >"$dir/server.ext"
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 \
      -extfile "$dir/server.ext" -out "$dir/server.pem"
  } >"$dir/certificate.log" 2>&1 || fail_with_log "$dir/certificate.log" "openssl cannot make certificates"
  cat "$dir/server.pem" "$dir/server.key" >"$dir/both.pem"
}

port_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
