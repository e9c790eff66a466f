#!/usr/bin/env bash
# The rounds of bench.sh, on servers whose addresses the environment gives.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
cd "$repo"
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
  "${run[@]}" --duration 1s "$bank" >/dev/null
  sleep 1
  "${run[@]}" --duration "${each}s" "$bank" | grep '^rate='
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
sql() { "$LOCAL_RUN_DIR/$DATABASE_SERVER/client" --no-defaults --socket="$DATABASE_SOCKET" --user=root -N -e "$1" bank; }

# --- what everything stands on
mysql_raw=${mysql%/bank}/bench_raw
sql 'CREATE DATABASE bench_raw CHARACTER SET utf8mb4'
for url in "$mysql" "$mysql_raw"; do env -i DATABASE_URL="$url" RUST_LOG=warn "$bin/bank-service" db upgrade >/dev/null; done
(cd "$work" && env -i DATABASE_URL="$mysql" RUST_LOG=warn SECRET_KEY=0123456789abcdef0123456789abcdef \
  ADMIN_EMAIL=admin@bank.localhost ADMIN_PASS="$admin_pass" "$bin/bank-service" init >/dev/null)
start_bank
start_log
# email-service is ready once its mail server is.
"$bench" sink --listen "127.0.0.1:$sink_port" --count 1000000 >/dev/null 2>&1 & sink=$!
until port_open "$sink_port"; do sleep 0.05; done
start_email
prepared=$("$bench" prepare --bank "$bank" --email admin@bank.localhost --password "$admin_pass")
account=$(field account "$prepared") user=$(field user "$prepared") password=$(sed "s/.*password='\(.*\)'.*/\1/" <<<"$prepared")
stop email-service log-service bank-service
kill "$sink"
wait "$sink" 2>/dev/null || true
token() {
  local line
  line=$(curl -s "$bank/auth/login" -H 'Content-Type: application/json' -d "{\"email\":\"$user\",\"password\":\"$password\"}")
  sed 's/.*"access_token":"\([^"]*\)".*/\1/' <<<"$line"
}
FIRST=$(field first "$prepared") LAST=$(field last "$prepared") USERS=$(field users "$prepared")
login_body="{\"email\":\"bench{user}@bank.localhost\",\"password\":\"$password\"}"

for round in $(seq "$rounds"); do
  say "round $round of $rounds"
  "$RABBITMQ_CTL" purge_queue log-service >/dev/null
  "$RABBITMQ_CTL" purge_queue email-service >/dev/null
  sql 'DELETE FROM outbox'

  # POST and GET: bank-service alone, its events wait in the outbox.
  raw=$(field rate "$("$bench" sql --database-url "$mysql_raw" --connections "$connections" --seconds "$each")")
  start_bank
  TOKEN=$(token)
  line=$(load POST "/api/accounts/$account/cards" '{"balance":100}')
  served=$(field rate "$line")
  keep post.raw "$raw"; keep post.served "$served"; keep post.ratio "$(ratio "$served" "$raw")"
  keep post.p99_ms "$(($(field p99_us "$line") / 1000))"
  line=$(load GET '/api/cards/{card}' '')
  keep get.served "$(field rate "$line")"; keep get.p99_ms "$(($(field p99_us "$line") / 1000))"

  rss bank-service cards

  # Logins beside bare hashes.
  raw=$(field rate "$("$bench" hash --seconds "$each")")
  served=$(field rate "$(load POST /auth/login "$login_body")")
  keep login.raw "$raw"; keep login.served "$served"; keep login.ratio "$(ratio "$served" "$raw")"
  rss bank-service logins

  # Reads beside more logins than there is room for.
  load POST /auth/login "$login_body" "$crowd" >"$work/crowd" & crowding=$!
  line=$(load GET '/api/cards/{card}' '' "$readers")
  wait "$crowding"
  keep overload.get_p99_ms "$(($(field p99_us "$line") / 1000))"; keep overload.get_rate "$(field rate "$line")"
  keep overload.logins "$(field rate "$(cat "$work/crowd")")"; keep overload.refused "$(field refused "$(cat "$work/crowd")")"
  stop bank-service

  # The relay works off what the POSTs have left, while nobody consumes.
  sql "UPDATE outbox SET sent_at = NOW(), due_at = NULL WHERE event_type <> 'card.created'"
  backlog=$(sql 'SELECT COUNT(*) FROM outbox WHERE due_at IS NOT NULL')
  raw=$(field rate "$("$bench" publish --amqp-uri "$broker" --seconds "$each")")
  start_bank AMQP_URI="$broker"
  served=$(field rate "$("$bench" counted --url "$bank" --metric bank_outbox_publish_total --label 'result="accepted"' --until "$backlog")")
  keep relay.raw "$raw"; keep relay.served "$served"; keep relay.ratio "$(ratio "$served" "$raw")"

  # log-service works off what the relay has left.
  backlog=$(waiting log-service)
  raw=$(field rate "$("$bench" insert --mongodb-uri "$mongo" --seconds "$each")")
  start_log
  served=$(field rate "$("$bench" counted --url "$log" --metric bank_log_recorded_total --label 'event_type="card.created"' --until "$backlog")")
  keep log.raw "$raw"; keep log.served "$served"; keep log.ratio "$(ratio "$served" "$raw")"

  # Mails.
  "$RABBITMQ_CTL" purge_queue email-service >/dev/null
  "$bench" sink --listen "127.0.0.1:$sink_port" --count "$mails" >"$work/sink" & sink=$!
  until port_open "$sink_port"; do sleep 0.05; done
  "$bench" lettre --to "127.0.0.1:$sink_port" --count "$mails" >/dev/null
  wait "$sink"
  raw=$(field rate "$(cat "$work/sink")")
  "$bench" fill --amqp-uri "$broker" --count "$mails" >/dev/null
  "$bench" sink --listen "127.0.0.1:$sink_port" --count "$mails" >"$work/sink" & sink=$!
  until port_open "$sink_port"; do sleep 0.05; done
  start_email
  wait "$sink"
  served=$(field rate "$(cat "$work/sink")")
  keep mail.raw "$raw"; keep mail.served "$served"; keep mail.ratio "$(ratio "$served" "$raw")"

  # The whole way, all three at work.
  line=$("$bench" paced --bank "$bank" --log "$log" --email "$user" --password "$password" --account "$account" --seconds "$each")
  keep paced.p50_ms "$(field p50_ms "$line")"; keep paced.p99_ms "$(field p99_ms "$line")"
  line=$("$bench" events --bank "$bank" --log "$log" --email "$user" --password "$password" --account "$account" --count "$events" \
    --callers "$crowd_of_posts")
  keep events.posts "$(field posts_rate "$line")"; keep events.served "$(field events_rate "$line")"
  keep events.behind_ms "$(field behind_ms "$line")"
  for service in bank-service log-service email-service; do rss "$service" events; done
  stop email-service bank-service log-service
done

# --- the table
table() {
  printf 'Machine: %s cores (%s), %s GiB, Linux %s; one 4 KiB write with fsync: %s.\n' "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" \
    "$(uname -r)" "$("$bench" fsync --folder "$work" | sed -E 's/fsync_p50_us=([0-9]+) fsync_p99_us=([0-9]+)/p50 \1 µs, p99 \2 µs/')"
  printf '%s (commits synced with their binlog where it has one), %s, MongoDB %s. Medians of %s rounds of %s s; load average at the end %s.\n\n' "$DATABASE_VERSION" \
    "$BROKER_VERSION" "$MONGODB_VERSION" "$rounds" "$each" "$(cut -d' ' -f1 /proc/loadavg)"
  printf '| figure | served | bare driver | ratio | aim |\n|---|---|---|---|---|\n'
  local name what aim
  while IFS='|' read -r name what aim; do
    printf '| %s | %s/s | %s/s | %s | %s |\n' "$what" "$(figure "$name.served")" "$(figure "$name.raw")" "$(figure "$name.ratio")" "$aim"
  done <<'ROWS'
post|POST card, beside its SQL|≥ 0.60
relay|relay, beside confirmed publishes|≥ 0.50
log|log-service, beside `insert_many`|
mail|mails, beside bare lettre|≥ 500/s
login|logins, beside Argon2id hashes|≥ 0.90
ROWS
  printf '| GET card | %s/s | | | ≥ 10,000/s |\n' "$(figure get.served)"
  printf '| events from POST to MongoDB | %s/s, %s ms behind the last answer | | | ≥ 3,000/s |\n' "$(figure events.served)" "$(figure events.behind_ms)"
  printf '| POST to the log'"'"'s live stream at 500/s | p50 %s ms, p99 %s ms | | | p99 ≤ 250 ms |\n' "$(figure paced.p50_ms)" "$(figure paced.p99_ms)"
  printf '| GET card beside %s logins at once: p99 | %s ms at %s/s; %s logins answered, %s refused | | | < 50 ms |\n' "$crowd" \
    "$(figure overload.get_p99_ms)" "$(figure overload.get_rate)" "$(figure overload.logins)/s" "$(figure overload.refused)"
  local service under
  for service in bank-service log-service email-service; do
    printf '| %s, from start to ready | %s ms | | | < 1,000 ms |\n' "$service" "$(figure "$service.ready_ms")"
  done
  for under in bank-service.cards bank-service.logins bank-service.events log-service.events email-service.events; do
    printf '| memory of %s under %s (RSS) | %s MiB, highest %s | | | < 60 MB |\n' "${under%.*}" "${under#*.}" \
      "$(figure "$under.rss_mib")" "$(sed -n "s/^$under.rss_mib //p" "$work/figures" | sort -n | tail -n 1)"
  done
}
table | tee "$work/table"
if [ "${WRITE:-yes}" != no ]; then
  awk -v table="$work/table" '
    /<!-- bench -->/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
    /<!-- end of bench -->/ { skip = 0 }
    !skip' docs/performance.md >"$work/page" && cat "$work/page" >docs/performance.md
fi
