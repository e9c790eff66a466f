# What ten open consoles cost a busy system: the whole path from POST to log, with and without them in turn. To be sourced by
# rounds.sh, after services.sh.
# shellcheck shell=bash disable=SC2154,SC2034

# As many as one user may have.
consoles=10
console_pids=()
# open_consoles: a login as the administrator, then the live stream of the page Flow so many times.
open_consoles() {
  local n jar=$work/console-cookies
  curl -s -o /dev/null -c "$jar" -H "Origin: $bank" --data-urlencode email=admin@bank.localhost \
    --data-urlencode "password=$admin_pass" --data-urlencode next= "$bank/console/login"
  for n in $(seq "$consoles"); do
    curl -sN -b "$jar" "$bank/console/flow/stream" >"$work/console-$n" & console_pids+=("$!")
  done
}
# close_consoles: one that was shown nothing has cost nothing, and then there is no figure.
close_consoles() {
  local n
  kill "${console_pids[@]}"
  wait "${console_pids[@]}" 2>/dev/null || true
  console_pids=()
  for n in $(seq "$consoles"); do
    grep -q card.created "$work/console-$n" || { say "FAILED: console $n was shown no event"; exit 1; }
  done
}
# whole_path NAME: how many events a second come to the log, from the first POST to the last entry.
whole_path() {
  keep "consoles.$1" "$(field events_rate "$("$bench" events --bank "$bank" --log "$log" --email "$user" --password "$password" \
    --account "$account" --count "$events" --callers "$crowd_of_posts")")"
  rss bank-service "consoles_$1"
}
measure_consoles() {
  local round which order
  say 'open consoles'
  "$RABBITMQ_CTL" purge_queue log-service >/dev/null
  "$RABBITMQ_CTL" purge_queue email-service >/dev/null
  sql 'DELETE FROM outbox'
  start_bank AMQP_URI="$broker"
  start_log
  whole_path warm_up
  for round in $(seq "$rounds"); do
    say "round $round of $rounds"
    # What comes second meets a larger table: they change places.
    order='closed open'
    ((round % 2)) || order='open closed'
    for which in $order; do
      [[ $which == closed ]] || open_consoles
      whole_path "$which"
      [[ $which == closed ]] || close_consoles
    done
    keep consoles.ratio "$(ratio "$(last_of consoles.open)" "$(last_of consoles.closed)")"
  done
  stop bank-service log-service
}
consoles_table() {
  what_ran
  printf '| figure | with %s open consoles | without | ratio | aim |\n|---|---|---|---|---|\n' "$consoles"
  printf '| events from POST to MongoDB | %s/s | %s/s | %s | ≥ 0.95 |\n' "$(figure consoles.open)" "$(figure consoles.closed)" \
    "$(figure consoles.ratio)"
  printf '| memory of bank-service (RSS) | %s MiB | %s MiB | | bounded |\n' "$(figure bank-service.consoles_open.rss_mib)" \
    "$(figure bank-service.consoles_closed.rss_mib)"
}
