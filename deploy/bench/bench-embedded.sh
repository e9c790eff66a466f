#!/usr/bin/env bash
# Measures the embedded system beside the same SQL on a bare SQLite connection, in turns, in one run; then transfers on SQLite.
#   SECONDS_EACH=10  per measurement    WARM_UP=2    ROUNDS=2    EVENTS=20000    BUILD=no  use the binaries that are there
#   MONEY=no  without the transfers     ONLY=money   the transfers alone
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=../local/lib.sh
source deploy/local/lib.sh
only=${ONLY:-} with_money=${MONEY:-yes}
[[ -z $only || $only == money ]] || fail "ONLY=$only: only money can be measured alone"
each=${SECONDS_EACH:-10} warm_up=${WARM_UP:-2} rounds=${ROUNDS:-2} events=${EVENTS:-20000}
connections=32 threads=2
target=$(realpath -m "${CARGO_TARGET_DIR:-target}/release")

if ! command -v wrk >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'wrk is not installed: installing the Debian package wrk' >&2
    apt-get install -y -q --no-install-recommends wrk >&2
  else
    echo 'wrk is not installed: install the package wrk (apt-get install wrk, brew install wrk) and try again' >&2
    exit 1
  fi
fi
if [ "${BUILD:-yes}" != no ]; then
  # By the selection of bench.sh: the all-in-one program is built without the drivers of servers, bank-service with them.
  [ "$with_money" = no ] || cargo build --locked --release -p bank-service -p log-service -p email-service -p bench
  [ "$only" = money ] || cargo build --locked --release -p standalone -p bench
fi
bench=$target/bench

work=$(mktemp -d -p "${BENCH_DIR:-${TMPDIR:-/tmp}}")
server='' ledger=''
stop_server() {
  if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  server=''
}
finish() {
  stop_server
  [ -z "$ledger" ] || stop_ledger
  rm -rf "$work"
}
trap finish EXIT

# field NAME LINE: the value of NAME=value in LINE.
field() { tr ' ' '\n' <<<"$2" | sed -n "s/^$1=//p"; }

admin_pass='a password for the bench'
start_server() {
  env -i PATH="$PATH" ADMIN_PASS="$admin_pass" RATE_LOGIN_PER_MINUTE=0 RATE_REGISTER_PER_HOUR=0 RUST_LOG=warn MIMALLOC_PURGE_DELAY=0 \
    "$target/bank-standalone" --data-dir "$work/data" --bank-bind 127.0.0.1:0 --log-bind 127.0.0.1:0 --email-bind 127.0.0.1:0 \
    >"$work/banner" 2>"$work/errors" &
  server=$!
  for _ in $(seq 200); do
    if grep -q 'event_type=bank.created' "$work/banner"; then break; fi
    if ! kill -0 "$server" 2>/dev/null; then cat "$work/errors" >&2; exit 1; fi
    sleep 0.05
  done
  url() { awk -v service="$1" '$1 == service { print $2 }' "$work/banner"; }
  bank=$(url bank-service) log=$(url log-service)

  prepared=$("$bench" prepare --bank "$bank" --email admin@bank.localhost --password "$admin_pass")
  TOKEN=$(field token "$prepared") FIRST=$(field first "$prepared") LAST=$(field last "$prepared") USERS=$(field users "$prepared")
  account=$(field account "$prepared") user=$(field user "$prepared") password=$(sed "s/.*password='\(.*\)'.*/\1/" <<<"$prepared")

  login_body="{\"email\":\"bench{user}@bank.localhost\",\"password\":\"$password\"}"
}

rss() { awk '/^VmRSS|^VmHWM/ { printf "%s %d MiB  ", $1, $2 / 1024 }' "/proc/$server/status"; }

# The server's processor time so far, in ticks of 10 ms.
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

# load METHOD TARGET BODY [CONNECTIONS]: one measurement of the server, after a warm-up. The processor time of a request says the same on a
# busy machine as on a quiet one, which its rate does not.
load() {
  local before line
  local run=(wrk --threads "$threads" --connections "${4:-$connections}" --script deploy/bench/wrk.lua --timeout 10s)
  export TOKEN FIRST LAST USERS METHOD=$1 TARGET=$2 BODY=$3
  KEYS=$(date +%s%N) "${run[@]}" --duration "${warm_up}s" "$bank" >/dev/null
  before=$(ticks)
  line=$(KEYS=$(date +%s%N) "${run[@]}" --duration "${each}s" "$bank" | grep '^rate=')
  printf '%s cpu_us=%d\n' "$line" "$((($(ticks) - before) * 10000 / ($(field requests "$line") + 1)))"
}

# row NAME ROUND RAW GROUPED LINE: RAW is what the ratio refers to.
row() {
  local rate p50 p99
  rate=$(field rate "$5") p50=$(field p50_us "$5") p99=$(field p99_us "$5")
  printf '%-11s %5s  %9s %9s  %9s %9s %9s %7s  %6s  %7s %7s  %s\n' "$1" "$2" "$3" "${4:--}" "$rate" \
    "$(awk "BEGIN { printf \"%.2f\", $p50 / 1000 }")" "$(awk "BEGIN { printf \"%.2f\", $p99 / 1000 }")" "$(field cpu_us "$5")" \
    "$(awk "BEGIN { printf \"%.2f\", $rate / $3 }")" "$(field refused "$5")" "$(field broken "$5")" "$(rss)"
}

raw() { field rate "$("$bench" raw "$@" --seconds "$each" --folder "$work")"; }

measure_system() {
  printf '%-11s %5s  %9s %9s  %9s %9s %9s %7s  %6s  %7s %7s  %s\n' \
    target round raw/s grouped/s server/s p50_ms p99_ms cpu_us ratio refused broken memory
  for round in $(seq "$rounds"); do
    row get-card "$round" "$(raw get-card)" '' "$(load GET '/api/cards/{card}' '')"
    row list-cards "$round" "$(raw list-cards)" '' "$(load GET "/api/accounts/$account/cards" '')"
    row post-card "$round" "$(raw post-card)" "$(raw post-card --group 32)" \
      "$(load POST "/api/accounts/$account/cards" '{"balance":100}')"
    row login "$round" "$(field rate "$("$bench" hash --seconds "$each")")" '' \
      "$(load POST /auth/login "$login_body")"
    # Reads beside more logins than there is room for.
    load POST /auth/login "$login_body" 400 >"$work/crowd" &
    crowd=$!
    line=$(load GET '/api/cards/{card}' '' 8)
    wait "$crowd"
    printf 'get-card beside 400 logins at once: %s\n  the logins: %s\n' "$line" "$(cat "$work/crowd")"
  done

  printf '\nevents: %s\n' "$("$bench" events --bank "$bank" --log "$log" --email "$user" --password "$password" \
    --account "$account" --count "$events")"
  printf 'memory after all: %s\n' "$(rss)"
  if [ -s "$work/errors" ]; then
    printf '\nthe server logged %s lines; the first:\n' "$(wc -l <"$work/errors")"
    head -5 "$work/errors"
  fi
}

# --- transfers on SQLite, by bank-service alone: the all-in-one program always writes in batches
callers=64
ledger_database=sqlite:$work/ledger/bank.sqlite
transfer_body='{"from":{"account_id":{from}},"to":{"account_id":{to}},"amount":1}'

# ledger_service ARGUMENTS...: a command of bank-service on this database.
ledger_settings=(DATABASE_URL="$ledger_database" SECRET_KEY=0123456789abcdef0123456789abcdef ADMIN_EMAIL=admin@bank.localhost
  ADMIN_PASS="$admin_pass" RATE_LOGIN_PER_MINUTE=0 RATE_REGISTER_PER_HOUR=0 RUST_LOG=warn MIMALLOC_PURGE_DELAY=0)
ledger_service() { (cd "$work/ledger" && env -i PATH="$PATH" "${ledger_settings[@]}" "$target/bank-service" "$@"); }
# start_ledger batched|direct
start_ledger() {
  local line
  line=$(cd "$work/ledger" && env -i PATH="$PATH" "${ledger_settings[@]}" BANK_BIND="127.0.0.1:$ledger_port" LEDGER_WRITER="$1" \
    "$bench" ready --url "$ledger_url" --output "$work/ledger/log" -- "$target/bank-service" serve)
  ledger=$(field pid "$line")
}
stop_ledger() {
  kill -TERM "$ledger" 2>/dev/null || true
  while kill -0 "$ledger" 2>/dev/null; do sleep 0.05; done
  ledger=''
}
# transfers ROUND WRITER PICK: between random accounts, or all between the same two.
transfers() {
  local line p50 p99
  line=$(server=$ledger bank=$ledger_url PICK=$3 load POST /api/transfers "$transfer_body" "$callers")
  p50=$(field p50_us "$line") p99=$(field p99_us "$line")
  printf '%-8s %-7s %5s  %9s %9s %9s %7s  %7s %7s\n' "$2" "$3" "$1" "$(field rate "$line")" \
    "$(awk "BEGIN { printf \"%.2f\", $p50 / 1000 }")" "$(awk "BEGIN { printf \"%.2f\", $p99 / 1000 }")" "$(field cpu_us "$line")" \
    "$(field refused "$line")" "$(field broken "$line")"
}
measure_transfers() {
  local round prepared
  stop_server
  mkdir -p "$work/ledger"
  read -r ledger_port <<<"$(free_ports 1)"
  ledger_url=http://127.0.0.1:$ledger_port
  ledger_service db upgrade >/dev/null
  ledger_service init >/dev/null
  start_ledger batched
  prepared=$("$bench" prepare-accounts --bank "$ledger_url" --email admin@bank.localhost --password "$admin_pass")
  TOKEN=$(field token "$prepared") FIRST=$(field first "$prepared") LAST=$(field last "$prepared") USERS=1
  printf '\n%-8s %-7s %5s  %9s %9s %9s %7s  %7s %7s\n' writer pick round server/s p50_ms p99_ms cpu_us refused broken
  for round in $(seq "$rounds"); do
    transfers "$round" batched random
    transfers "$round" batched pair
    stop_ledger
    start_ledger direct
    transfers "$round" direct random
    stop_ledger
    ledger_service ledger verify --full
    [ "$round" = "$rounds" ] || start_ledger batched
  done
}

printf 'machine: %s cores, %s\n' "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
printf 'disk:    %s\n' "$("$bench" fsync --folder "$work")"
printf 'load:    wrk, %s connections, %s threads, %s s each after %s s warm-up, on the same cores as the server\n\n' \
  "$connections" "$threads" "$each" "$warm_up"
[[ $only == money ]] || { start_server; measure_system; }
[[ $with_money == no ]] || measure_transfers
