#!/usr/bin/env bash
# The rounds of bench.sh, on servers whose addresses the environment gives: of the services (services.sh), of the services beside
# open consoles (consoles.sh), then of the ledger (money.sh).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
cd "$repo"
# shellcheck source=deploy/bench/services.sh
source deploy/bench/services.sh
# shellcheck source=deploy/bench/consoles.sh
source deploy/bench/consoles.sh
# shellcheck source=deploy/bench/money.sh
source deploy/bench/money.sh
only=${ONLY:-} with_money=${MONEY:-yes}
case $only in '' | money | consoles) ;; *) echo "bench: ONLY=$only: only money or consoles can be measured alone" >&2; exit 1 ;; esac
each=${SECONDS_EACH:-5} rounds=${ROUNDS:-3} mails=${MAILS:-4000} events=${EVENTS:-20000}
bin=${BIN:-$repo/${CARGO_TARGET_DIR:-target}/release}
bench=$bin/bench
connections=32
# The logins at once that are too many, and the readers beside them.
crowd=400 readers=8
# Who issue cards at once, as fast as they can, while the whole way is at work.
crowd_of_posts=96
work=$LOCAL_RUN_DIR/bench
mkdir -p "$work"
read -r bank_port log_port email_port sink_port <<<"$(free_ports 4)"
bank=http://127.0.0.1:$bank_port log=http://127.0.0.1:$log_port email=http://127.0.0.1:$email_port
broker=$AMQP_URI mysql=$DATABASE_URL mongo=$MONGODB_URI
admin_pass='a password for the bench'
unset AMQP_URI DATABASE_URL MONGODB_URI

say() { printf 'bench: %s\n' "$*" >&2; }
# field NAME LINE: the value of NAME=value in LINE.
field() { tr ' ' '\n' <<<"$2" | sed -n "s/^$1=//p"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# keep NAME VALUE: a figure of this round, shown as it comes.
keep() {
  printf '%s %s\n' "$1" "$2" >>"$work/figures"
  printf 'bench:   %-28s %s\n' "$1" "$2" >&2
}
figure() { sed -n "s/^$1 //p" "$work/figures" | median; }
# Ratios are made within a round, where both sides met the same machine.
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }

declare -A pid=()
# start SERVICE URL NAME=VALUE...: keeps its pid and the time it took to be ready.
start() {
  local service=$1 url=$2 line
  shift 2
  line=$(cd "$work" && env -i PATH="$PATH" RUST_LOG=warn MIMALLOC_PURGE_DELAY=0 "$@" "$bench" ready --url "$url" --output "$work/$service.log" \
    -- "$bin/$service" serve)
  pid[$service]=$(field pid "$line")
  echo "${pid[$service]}" >"$work/$service.pid"
  keep "$service.ready_ms" "$(field ready_ms "$line")"
}
stop() {
  local service
  for service; do
    kill -TERM "${pid[$service]}"
    while kill -0 "${pid[$service]}" 2>/dev/null; do sleep 0.05; done
    rm -f "$work/$service.pid"
  done
}
# rss SERVICE UNDER-WHAT
rss() { keep "$1.$2.rss_mib" "$(awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/${pid[$1]}/status")"; }
start_bank() {
  start bank-service "$bank" BANK_BIND="127.0.0.1:$bank_port" DATABASE_URL="$mysql" LOG_SERVICE_URL="$log" \
    SECRET_KEY=0123456789abcdef0123456789abcdef ADMIN_EMAIL=admin@bank.localhost ADMIN_PASS="$admin_pass" \
    RATE_LOGIN_PER_MINUTE=0 RATE_REGISTER_PER_HOUR=0 "$@"
}
start_log() {
  start log-service "$log" LOG_BIND="127.0.0.1:$log_port" MONGODB_URI="$mongo" AMQP_URI="$broker" \
    JWKS_URL="$bank/.well-known/jwks.json"
}
start_email() {
  start email-service "$email" EMAIL_BIND="127.0.0.1:$email_port" MAIL_URL="smtp://127.0.0.1:$sink_port?tls=none" \
    EMAIL_DATABASE_URL="${mongo/\/\?/\/email?}" AMQP_URI="$broker" JWKS_URL="$bank/.well-known/jwks.json"
}
# load METHOD TARGET BODY [CONNECTIONS]: the service's rate under wrk, after a second in which connections are made and statements
# prepared, as the bare drivers have theirs before they begin, and one in which what nobody waits for any more is worked off.
load() {
  local run=(wrk --threads 1 --connections "${4:-$connections}" --script deploy/bench/wrk.lua --timeout 10s)
  export TOKEN FIRST LAST USERS METHOD=$1 TARGET=$2 BODY=$3
  KEYS=$(date +%s%N) "${run[@]}" --duration 1s "$bank" >/dev/null
  sleep 1
  KEYS=$(date +%s%N) "${run[@]}" --duration "${each}s" "$bank" | grep '^rate='
}
# token EMAIL: of a user who was prepared.
token() {
  local line
  line=$(curl -s "$bank/auth/login" -H 'Content-Type: application/json' -d "{\"email\":\"$1\",\"password\":\"$password\"}")
  sed 's/.*"access_token":"\([^"]*\)".*/\1/' <<<"$line"
}
# waiting QUEUE: its messages, once the broker's count has stood still; it lags behind.
waiting() {
  local before=-1 count=0
  for _ in $(seq 60); do
    count=$("$RABBITMQ_CTL" list_queues name messages | awk -v queue="$1" '$1 == queue { print $2 }')
    [ "$count" -gt 0 ] && [ "$count" = "$before" ] && break
    before=$count
    sleep 0.5
  done
  printf '%s' "$count"
}
# sql STATEMENTS [DATABASE]
sql() { "$LOCAL_RUN_DIR/$DATABASE_SERVER/client" --no-defaults --socket="$DATABASE_SOCKET" --user=root -N -e "$1" "${2:-bank}"; }
# upgrade URL: the schema. init URL: the administrator.
upgrade() { env -i DATABASE_URL="$1" RUST_LOG=warn "$bin/bank-service" db upgrade >/dev/null; }
init() {
  (cd "$work" && env -i DATABASE_URL="$1" RUST_LOG=warn SECRET_KEY=0123456789abcdef0123456789abcdef \
    ADMIN_EMAIL=admin@bank.localhost ADMIN_PASS="$admin_pass" "$bin/bank-service" init >/dev/null)
}

# --- what everything stands on
mysql_raw=${mysql%/bank}/bench_raw
sql 'CREATE DATABASE bench_raw CHARACTER SET utf8mb4'
upgrade "$mysql"
upgrade "$mysql_raw"
init "$mysql"

# --- the tables
what_ran() {
  printf 'Machine: %s cores (%s), %s GiB, Linux %s; one 4 KiB write with fsync: %s.\n' "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" \
    "$(uname -r)" "$("$bench" fsync --folder "$work" | sed -E 's/fsync_p50_us=([0-9]+) fsync_p99_us=([0-9]+)/p50 \1 µs, p99 \2 µs/')"
  printf '%s (commits synced with their binlog where it has one), %s, MongoDB %s. Medians of %s rounds of %s s; load average at the end %s.\n\n' "$DATABASE_VERSION" \
    "$BROKER_VERSION" "$MONGODB_VERSION" "$rounds" "$each" "$(cut -d' ' -f1 /proc/loadavg)"
}
# write_table MARKER: what is in the file of this name, between these markers of docs/performance.md.
write_table() {
  [[ ${WRITE:-yes} != no ]] || return 0
  awk -v table="$work/$1" -v begin="<!-- $1 -->" -v end="<!-- end of $1 -->" '
    index($0, begin) { print; while ((getline line < table) > 0) print line; skip = 1; next }
    index($0, end) { skip = 0 }
    !skip' docs/performance.md >"$work/page" && cat "$work/page" >docs/performance.md
}
if [[ $only != money ]]; then
  prepare_services
fi
if [[ -z $only ]]; then
  measure_services
  services_table | tee "$work/bench"
  write_table bench
fi
if [[ $only != money ]]; then
  measure_consoles
  consoles_table | tee "$work/consoles"
  write_table consoles
fi
if [[ $only == money || (-z $only && $with_money != no) ]]; then
  measure_money
  money_table | tee "$work/money"
  write_table money
fi
