# The services beside the bare drivers of their engines: to be sourced by rounds.sh.
# shellcheck shell=bash disable=SC2154,SC2034

# Accounts, cards and users for the measurements, by a start of all three services.
prepare_services() {
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
  FIRST=$(field first "$prepared") LAST=$(field last "$prepared") USERS=$(field users "$prepared")
  login_body="{\"email\":\"bench{user}@bank.localhost\",\"password\":\"$password\"}"
}

measure_services() {
  for round in $(seq "$rounds"); do
    say "round $round of $rounds"
    "$RABBITMQ_CTL" purge_queue log-service >/dev/null
    "$RABBITMQ_CTL" purge_queue email-service >/dev/null
    sql 'DELETE FROM outbox'

    # POST and GET: bank-service alone, its events wait in the outbox.
    raw=$(field rate "$("$bench" sql --database-url "$mysql_raw" --connections "$connections" --seconds "$each")")
    start_bank
    TOKEN=$(token "$user")
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
}

services_table() {
  what_ran
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
