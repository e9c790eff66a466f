# RabbitMQ: a private node with a port mapper of its own, so that no other node on the machine is touched. To be sourced.
# Users: bank (all rights), guest-book (may connect, but neither declare nor write), both with their name as password.
# The functions take a second word where another release is meant: see rabbitmq4.sh.
# shellcheck shell=bash disable=SC2154

rabbitmq_missing() { [[ -n $(rabbitmq_sbin rabbitmq) ]] || echo "apt:rabbitmq-server"; }

# The system's own, or the one that lies in a folder.
rabbitmq_enter() { if [[ $1 == rabbitmq ]]; then enter=(); else use_root "$1" "$2"; fi; }

# The folder of the real scripts: the ones on the PATH of a Debian system switch to the user of the system's own node.
rabbitmq_sbin() {
  local candidate root
  if [[ $1 != rabbitmq ]]; then
    root=$(root_of "$1")
    for candidate in "$root"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin; do echo "${candidate#"$root"}"; done
    return
  fi
  for candidate in /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin "$(dirname "$(command -v rabbitmq-server || echo /none/x)")"; do
    if [[ -x $candidate/rabbitmq-server ]]; then
      echo "$candidate"
      return
    fi
  done
}

rabbitmq_prepare() {
  local dir=$1 name=${2:-rabbitmq} node amqp amqps dist epmd enter
  rabbitmq_enter "$name" "$dir"
  read -r amqp amqps dist epmd <<<"$(free_ports 4)"
  certificate "$dir"
  node="bank$amqp@localhost"
  mkdir -p "$dir/home" "$dir/mnesia" "$dir/log"
  echo "[]." >"$dir/enabled_plugins"
  # rabbitmq-env would read the system's file, and with it the system's node name.
  : >"$dir/rabbitmq-env.conf"
  cat >"$dir/rabbitmq.conf" <<CONF
listeners.tcp.default = 127.0.0.1:$amqp
listeners.ssl.default = 127.0.0.1:$amqps
ssl_options.cacertfile = $dir/ca.pem
ssl_options.certfile = $dir/server.pem
ssl_options.keyfile = $dir/server.key
ssl_options.verify = verify_none
load_definitions = $dir/definitions.json
disk_free_limit.absolute = 50MB
log.file.level = info
CONF
  cat >"$dir/definitions.json" <<'JSON'
{"vhosts": [{"name": "/"}],
 "users": [{"name": "bank", "password": "bank-of-tests", "tags": "administrator"},
           {"name": "guest-book", "password": "guest-book", "tags": ""}],
 "permissions": [{"user": "bank", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
                 {"user": "guest-book", "vhost": "/", "configure": "^$", "write": "^$", "read": ".*"}]}
JSON
  cat >"$dir/node-env" <<ENV
export LANG=C.UTF-8 HOME='$dir/home' RABBITMQ_NODENAME='$node' RABBITMQ_NODE_PORT=$amqp RABBITMQ_DIST_PORT=$dist
export ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_MNESIA_BASE='$dir/mnesia' RABBITMQ_LOG_BASE='$dir/log' RABBITMQ_PID_FILE='$dir/node.pid'
export RABBITMQ_CONF_ENV_FILE='$dir/rabbitmq-env.conf' RABBITMQ_CONFIG_FILE='$dir/rabbitmq.conf'
export RABBITMQ_ENABLED_PLUGINS_FILE='$dir/enabled_plugins' RABBITMQ_ADVANCED_CONFIG_FILE='$dir/none.config'
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
ENV
  cat >"$dir/ctl" <<CTL
#!/usr/bin/env bash
# rabbitmqctl for this node.
set -euo pipefail
source '$dir/node-env'
exec ${enter[@]@Q} '$(rabbitmq_sbin "$name")/rabbitmqctl' -q "\$@"
CTL
  chmod +x "$dir/ctl"
  put "$dir" AMQP_URI "amqp://bank:bank-of-tests@127.0.0.1:$amqp/%2f"
  put "$dir" AMQPS_URI "amqps://bank:bank-of-tests@127.0.0.1:$amqps/%2f"
  put "$dir" AMQPS_CA_FILE "$dir/ca.pem"
  put "$dir" RABBITMQ_CTL "$dir/ctl"
  put "$dir" BROKER_SERVER "$name"
  put "$dir" BROKER_LOG "$dir/log"
  put "$dir" BROKER_VERSION "RabbitMQ $(basename "$(dirname "$(rabbitmq_sbin "$name")")" | sed 's/.*-//')"
}

rabbitmq_start() {
  local dir=$1 name=${2:-rabbitmq} enter
  rabbitmq_enter "$name" "$dir"
  # shellcheck source=/dev/null
  source "$dir/node-env"
  # In the foreground, so that it ends with the rest; the node would start one that outlives it.
  if ! port_open "$ERL_EPMD_PORT"; then
    spawn "$dir" epmd "${enter[@]}" epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1
    wait_for "$dir" epmd port_open "$ERL_EPMD_PORT"
  fi
  spawn "$dir" "$name" "${enter[@]}" "$(rabbitmq_sbin "$name")/rabbitmq-server"
  wait_for "$dir" "$name" rabbitmq_answers "$RABBITMQ_NODE_PORT"
}

# A node that answers the protocol's greeting takes logins: its listeners open last.
rabbitmq_answers() {
  local greeting
  exec 9<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'AMQP\x00\x00\x09\x01' >&9
  IFS= read -r -t 2 -n 1 -d '' greeting <&9
  exec 9>&-
  [[ ${#greeting} -gt 0 || $? -eq 0 ]]
}
