#!/usr/bin/env bash
# The three services on private servers with what `make init` wrote: variables of .dockerenv (host names replaced), users and
# rights of RabbitMQ, MySQL and MongoDB, a mail server that wants a login, and the gateway in front. Run by compose.sh, which
# gives BIN and WORK, within deploy/local/with.sh.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../local/lib.sh"
cd "$repo"
say() { printf 'compose-check: %s\n' "$*" >&2; }
fail() { printf 'compose-check: FAILED: %s\n' "$*" >&2; exit 1; }
# shellcheck source=/dev/null
source deploy/local/servers/mongodb.sh
[[ -x $tools/mongosh/node_modules/.bin/mongosh ]] || {
  say 'installing mongosh into target/local/tools/mongosh (npm)'
  npm install --silent --no-audit --no-fund --prefix "$tools/mongosh.new" mongosh@2.5.8 >&2 || fail 'npm could not install mongosh'
  mv "$tools/mongosh.new" "$tools/mongosh"
}
[[ -d $tools/pika/pika ]] || python3 -m pip install -q --disable-pip-version-check --target "$tools/pika" pika==1.3.2 >&2
mongosh() { "$tools/mongosh/node_modules/.bin/mongosh" --quiet --norc "$@"; }
set -a
# Values that are not plain stand in single quotes there, as in a shell.
# shellcheck source=/dev/null
source "$WORK/deploy/compose/.env"
set +a
dir=$LOCAL_RUN_DIR/compose
mkdir -p "$dir"
read -r mongo_port smtp_port web_port bank_port log_port email_port gateway_port <<<"$(free_ports 7)"
mysql_port=$(cat "$LOCAL_RUN_DIR/$DATABASE_SERVER/port")
amqp_port=$(sed 's/.*:\([0-9]*\)\/.*/\1/' <<<"$AMQP_URI")

# --- the servers, as the containers' scripts make them
docker_process_sql() { "$LOCAL_RUN_DIR/$DATABASE_SERVER/client" --no-defaults --socket="$DATABASE_SOCKET" --user=root "$@"; }
docker_process_sql <<<"DROP USER bank@'%'; DROP DATABASE bank;"
# As the container begins, but for the server: the statements for its users, and the script that a new data folder gets.
mkdir -p "$dir/bin"
printf '#!/bin/sh\n' >"$dir/bin/docker-entrypoint.sh"
chmod +x "$dir/bin/docker-entrypoint.sh"
export USERS_SQL=$dir/users.sql
PATH="$dir/bin:$PATH" bash deploy/compose/mysql/start.sh mysqld
# shellcheck source=/dev/null
source deploy/compose/mysql/10-users.sh
# In the server's own folder, which it sees also where it runs in a system of its own.
cp "$WORK/deploy/compose/generated/definitions.json" "$LOCAL_RUN_DIR/$BROKER_SERVER/imported.json"
"$RABBITMQ_CTL" import_definitions "$LOCAL_RUN_DIR/$BROKER_SERVER/imported.json" >/dev/null

mongo_data=$dir/mongo
mkdir -p "$mongo_data"
printf '%s' "$MONGO_REPLICA_KEY" >"$dir/replica-key"
chmod 400 "$dir/replica-key"
mongod=$(mongodb_binary)
spawn "$dir" mongo "$mongod" --dbpath "$mongo_data" --port "$mongo_port" --bind_ip 127.0.0.1 --nounixsocket \
  --wiredTigerCacheSizeGB 0.25 --replSet rs0 --keyFile "$dir/replica-key"
wait_for "$dir" mongo port_open "$mongo_port"
for _ in 1 2; do # The second time there is nothing to make.
  MONGO_HOST=127.0.0.1:$mongo_port MONGODB_NAME=logs \
    mongosh "mongodb://127.0.0.1:$mongo_port/admin?directConnection=true" deploy/compose/mongodb/init.js
done

spawn "$dir" smtp "$tools/maildev/node_modules/.bin/maildev" --smtp "$smtp_port" --web "$web_port" --ip 127.0.0.1 \
  --mail-directory "$dir/mail" --incoming-user bank --incoming-pass "$EMAIL_APP_PASSWORD"
wait_for "$dir" smtp port_open "$smtp_port"

# --- the services
# variables SERVICE: its .dockerenv with the names of the network replaced by addresses of this machine.
variables() {
  grep '^[A-Z]' "$WORK/$1/.dockerenv" | sed -E \
    -e "s/@mysql:3306/@127.0.0.1:$mysql_port/; s/@rabbitmq:5672/@127.0.0.1:$amqp_port/; s/@mongodb:27017/@127.0.0.1:$mongo_port/" \
    -e "s/bank-service:5000/127.0.0.1:$bank_port/; s/log-service:8000/127.0.0.1:$log_port/" \
    -e "s/^EMAIL_HOST=.*/EMAIL_HOST=127.0.0.1/; s/^EMAIL_PORT=.*/EMAIL_PORT=$smtp_port/"
}
more=(BANK_BIND="127.0.0.1:$bank_port" LOG_BIND="127.0.0.1:$log_port" EMAIL_BIND="127.0.0.1:$email_port" LOG_FORMAT=json)
run() {
  local service=$1 given
  shift
  mapfile -t given < <(variables "$service")
  (cd "$dir" && exec env -i PATH="$PATH" "${given[@]}" "${more[@]}" "$@")
}
owner="mysql://bank_owner:$BANK_DB_OWNER_PASSWORD@127.0.0.1:$mysql_port/bank"
# What the entrypoint of bank-init runs, in its words.
entrypoint=$(sed -n "s/^      - '\(if .*\)'\$/\1/p" deploy/compose/compose.yaml | sed 's/\$\$/$/g')
[ -n "$entrypoint" ] || fail 'bank-init has no entrypoint'
init() {
  run bank-service MIGRATION_DATABASE_URL="$owner" AMQP_URI=none RUST_LOG=warn PATH="$BIN:$PATH" \
    sh -ec "$entrypoint" bank-init "$@" >"$dir/init.log" 2>&1 || { cat "$dir/init.log" >&2; fail "bank-init $*"; }
}
init init
init init
grep -q 'is an administrator already' "$dir/init.log" || fail 'init does something the second time'
init db status

start() {
  local service=$1
  shift
  mapfile -t given < <(variables "$service")
  (cd "$dir" && spawn "$dir" "$service" env -i PATH="$PATH" "${given[@]}" "${more[@]}" "$@" "$BIN/$service" serve)
}
start bank-service MIGRATE_ON_START=false TRUSTED_PROXIES=127.0.0.1
start log-service
start email-service
for service in bank-service log-service email-service; do
  healthy() { run "$service" "$BIN/$service" healthcheck; }
  wait_for "$dir" "$service" healthy
done

mkdir -p "$dir/gateway"
sed -e "s/bank-service:5000/127.0.0.1:$bank_port/" \
  -e "s/log-service:8000/127.0.0.1:$log_port/; s/email-service:8001/127.0.0.1:$email_port/" \
  -e "s#/tmp/#$dir/gateway/#; s#/dev/stdout#$dir/gateway/access.log#; s#/etc/nginx/bank/#$dir/gateway/#; /listen 127.0.0.1:8081/d" \
  deploy/compose/gateway/nginx.conf >"$dir/gateway/nginx.conf"
cp "$WORK"/deploy/compose/generated/gateway/*.conf "$dir/gateway/"
sed -i "s/listen 8080/listen 127.0.0.1:$gateway_port/" "$dir/gateway/listen.conf"
cp deploy/compose/gateway/problem.conf "$dir/gateway/"
spawn "$dir" gateway nginx -p "$dir/gateway" -c "$dir/gateway/nginx.conf" -e stderr -g 'daemon off; user root;'
wait_for "$dir" gateway port_open "$gateway_port"

# --- the flow, and what must not be
PYTHONPATH="$tools/pika:$tools/pymongo" python3 deploy/checks/compose/flow.py "http://127.0.0.1:$gateway_port" \
  "$amqp_port" "$mongo_port" "http://127.0.0.1:$web_port" || {
  tail -n 5 "$dir"/{bank,log,email}-service.log >&2
  fail 'the flow'
}
as_bank() {
  "$LOCAL_RUN_DIR/$DATABASE_SERVER/client" --no-defaults --protocol=tcp --host=127.0.0.1 --port="$mysql_port" --user=bank \
    --password="$BANK_DB_PASSWORD" bank -e "$1" >/dev/null 2>&1
}
as_bank 'SELECT COUNT(*) FROM ledger_entries' || fail 'the user that bank-service runs as may not read the ledger'
for statement in 'CREATE TABLE x (id INT)' 'UPDATE ledger_entries SET amount = 1' 'UPDATE transfers SET amount = 1' 'DELETE FROM transfers' \
  'UPDATE former_names SET name = 1' 'DELETE FROM former_names'; do
  ! as_bank "$statement" || fail "the user that bank-service runs as may do: $statement"
done
run bank-service RUST_LOG=warn "$BIN/bank-service" ledger verify >&2 || fail 'the ledger is not sound'
# Each service tries to make the exchange, which none may (exchange.declare is 40.10), and is content that it is there.
if grep -h -i -E 'precondition|inequivalent|access_refused' "$dir"/*-service.log | grep -v 'class_id: 40, method_id: 10'; then
  fail 'a service was refused something by the broker'
fi
for service in bank-service log-service email-service; do
  kill -TERM -- "-$(cat "$dir/$service.pid")"
done
for service in bank-service log-service email-service; do
  for _ in $(seq 150); do kill -0 "$(cat "$dir/$service.pid")" 2>/dev/null || break; sleep 0.1; done
  ! kill -0 "$(cat "$dir/$service.pid")" 2>/dev/null || fail "$service does not end"
done
say "flow on $DATABASE_VERSION, $BROKER_VERSION, MongoDB $MONGODB_VERSION with access control"
