#!/usr/bin/env bash
# Measures the embedded system beside the same SQL on a bare SQLite connection, in turns, in one run.
#   SECONDS_EACH=10  per measurement    WARM_UP=2    ROUNDS=2    EVENTS=20000    BUILD=no  use the binaries that are there
set -euo pipefail
cd "$(dirname "$0")/../.."
each=${SECONDS_EACH:-10} warm_up=${WARM_UP:-2} rounds=${ROUNDS:-2} events=${EVENTS:-20000}
connections=32 threads=2
target=${CARGO_TARGET_DIR:-target}/release

if ! command -v wrk >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'wrk is not installed: installing the Debian package wrk' >&2
    apt-get install -y -q --no-install-recommends wrk >&2
  else
    echo 'wrk is not installed: install the package wrk (apt-get install wrk, brew install wrk) and try again' >&2
    exit 1
  fi
fi
[ "${BUILD:-yes}" = no ] || cargo build --locked --release -p standalone -p bench
bench=$target/bench

work=$(mktemp -d -p "${BENCH_DIR:-${TMPDIR:-/tmp}}")
server=
finish() {
  if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT

# field NAME LINE: the value of NAME=value in LINE.
field() { tr ' ' '\n' <<<"$2" | sed -n "s/^$1=//p"; }

admin_pass='a password for the bench'
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

rss() { awk '/^VmRSS|^VmHWM/ { printf "%s %d MiB  ", $1, $2 / 1024 }' "/proc/$server/status"; }

# The server's processor time so far, in ticks of 10 ms.
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

# load METHOD TARGET BODY [CONNECTIONS]: one measurement of the server, after a warm-up. The processor time of a request says the same on a
# busy machine as on a quiet one, which its rate does not.
load() {
  local before line
  local run=(wrk --threads "$threads" --connections "${4:-$connections}" --script deploy/bench/wrk.lua --timeout 10s)
  export TOKEN FIRST LAST USERS METHOD=$1 TARGET=$2 BODY=$3
  "${run[@]}" --duration "${warm_up}s" "$bank" >/dev/null
  before=$(ticks)
  line=$("${run[@]}" --duration "${each}s" "$bank" | grep '^rate=')
  printf '%s cpu_us=%d\n' "$line" "$((($(ticks) - before) * 10000 / ($(field requests "$line") + 1)))"
}

printf 'machine: %s cores, %s\n' "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
printf 'disk:    %s\n' "$("$bench" fsync --folder "$work")"
printf 'load:    wrk, %s connections, %s threads, %s s each after %s s warm-up, on the same cores as the server\n\n' \
  "$connections" "$threads" "$each" "$warm_up"
printf '%-11s %5s  %9s %9s  %9s %9s %9s %7s  %6s  %7s %7s  %s\n' \
  target round raw/s grouped/s server/s p50_ms p99_ms cpu_us ratio refused broken memory

# row NAME ROUND RAW GROUPED LINE: RAW is what the ratio refers to.
row() {
  local rate p50 p99
  rate=$(field rate "$5") p50=$(field p50_us "$5") p99=$(field p99_us "$5")
  printf '%-11s %5s  %9s %9s  %9s %9s %9s %7s  %6s  %7s %7s  %s\n' "$1" "$2" "$3" "${4:--}" "$rate" \
    "$(awk "BEGIN { printf \"%.2f\", $p50 / 1000 }")" "$(awk "BEGIN { printf \"%.2f\", $p99 / 1000 }")" "$(field cpu_us "$5")" \
    "$(awk "BEGIN { printf \"%.2f\", $rate / $3 }")" "$(field refused "$5")" "$(field broken "$5")" "$(rss)"
}

raw() { field rate "$("$bench" raw "$@" --seconds "$each" --folder "$work")"; }

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
