# The ledger beside the bare driver, beside itself without batches, and with a long history: to be sourced by rounds.sh.
#   ENTRIES=1000000  of the account with the long history
#   OLD_BIN=DIR      release binaries of an earlier commit: cards are issued by both in turn, each on a database of its own
# shellcheck shell=bash disable=SC2154,SC2034

# As many callers as the aims name.
callers=64
money_accounts=2000
entries=${ENTRIES:-1000000}
# How many days the history is long, how many the statement, and what day of the history is the statement's first.
history_days=360 statement_days=36 statement_from=100
transfer_body='{"from":{"account_id":{from}},"to":{"account_id":{to}},"amount":1}'

# database NAME: an empty one, with schema and administrator; its URL.
database() {
  local url=${mysql%/bank}/$1
  sql "CREATE DATABASE $1 CHARACTER SET utf8mb4" && upgrade "$url" && init "$url" && printf '%s' "$url"
}
ms() { awk "BEGIN { printf \"%.1f\", $1 / 1000 }"; }
# verified URL [--full]: what was measured counts only if the ledger is what its entries say.
verified() {
  env -i DATABASE_URL="$1" RUST_LOG=warn "$bin/bank-service" ledger verify "${@:2}" >"$work/verified" 2>&1 || {
    cat "$work/verified" >&2
    say "FAILED: ledger verify $1"
    exit 1
  }
}
# prepare_accounts FIRST LAST ARGUMENTS...: opens accounts; sets the variables of these two names, `money_user` and `password`.
prepare_accounts() {
  local line
  line=$("$bench" prepare-accounts --bank "$bank" --email admin@bank.localhost --password "$admin_pass" "${@:3}")
  printf -v "$1" '%s' "$(field first "$line")"
  printf -v "$2" '%s' "$(field last "$line")"
  money_user=$(field user "$line") password=$(sed "s/.*password='\(.*\)'.*/\1/" <<<"$line")
}

# transfers NAME PICK: keeps the rate of transfers between random accounts, or all of them between the same two. All must be done.
transfers() {
  local line
  line=$(FIRST=$money_first LAST=$money_last PICK=$2 load POST /api/transfers "$transfer_body" "$callers")
  keep "$1.served" "$(field rate "$line")"
  keep "$1.p50_ms" "$(ms "$(field p50_us "$line")")"; keep "$1.p99_ms" "$(ms "$(field p99_us "$line")")"
  keep "$1.refused" "$(field refused "$line")"; keep "$1.broken" "$(field broken "$line")"
}
last_of() { sed -n "s/^$1 //p" "$work/figures" | tail -n 1; }
transfer_round() {
  local raw
  sql 'TRUNCATE TABLE outbox' bench_transfers
  raw=$(field rate "$("$bench" transfer-sql --database-url "$mysql_raw" --seconds "$each")")
  start_bank DATABASE_URL="$transfers_url"
  TOKEN=$(token "$money_user")
  transfers cold random
  transfers hot pair
  stop bank-service
  sql 'TRUNCATE TABLE outbox' bench_transfers
  start_bank DATABASE_URL="$transfers_url" LEDGER_WRITER=direct
  TOKEN=$(token "$money_user")
  transfers direct random
  stop bank-service
  keep cold.raw "$raw"; keep cold.ratio "$(ratio "$(last_of cold.served)" "$raw")"
  keep hot.ratio "$(ratio "$(last_of hot.served)" "$(last_of cold.served)")"
  keep direct.ratio "$(ratio "$(last_of cold.served)" "$(last_of direct.served)")"
  verified "$transfers_url"
}

# prepare_cards WHICH: a database for the programs in `bin`, with an account that gets cards.
prepare_cards() {
  local line
  cards_url[$1]=$(database "bench_cards_$1")
  start_bank DATABASE_URL="${cards_url[$1]}"
  line=$("$bench" prepare --bank "$bank" --email admin@bank.localhost --password "$admin_pass")
  cards_account[$1]=$(field account "$line") cards_user=$(field user "$line")
  stop bank-service
}
# cards WHICH: how fast the programs in `bin` issue cards with the documented body, and without money.
cards() {
  local body name path="/api/accounts/${cards_account[$1]}/cards"
  start_bank DATABASE_URL="${cards_url[$1]}"
  TOKEN=$(token "$cards_user")
  for body in '{"balance":520}' '{"balance":0}'; do
    name=with; [[ $body != *:0* ]] || name=without
    keep "$1.$name" "$(field rate "$(load POST "$path" "$body")")"
  done
  stop bank-service
  sql 'TRUNCATE TABLE outbox' "bench_cards_$1"
}
# The one that comes first meets another machine than the second: they change places.
card_round() {
  local which name order='new old'
  (($1 % 2)) || order='old new'
  for which in $order; do
    if [[ $which == old ]]; then bin=$old_bin cards old; else cards new; fi
  done
  for name in with without; do
    keep "cards_$name.ratio" "$(ratio "$(last_of "new.$name")" "$(last_of "old.$name")")"
  done
}

# fill TO FROM COUNT STEP PREFIX: transfers between two accounts of no money, STEP seconds after one another from the first day of
# the history on. By turns 3 go to the one and 1 to the other, so the balance of the n-th entry of both needs no other row.
fill() {
  local to=$(($1 * 2)) from=$(($2 * 2)) count=$3 filled numbers lines limit=$(($3 + 2))
  for ((filled = 0; filled < count; filled += 100000)); do
    numbers="SELECT $filled + 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
      FROM bench_digits a, bench_digits b, bench_digits c, bench_digits e, bench_digits f"
    lines="SELECT n, CONCAT('$5', LPAD(n, 12, '0')) AS id, IF(n % 2, 3, -1) AS amount, IF(n % 2, n + 2, n) AS balance,
      TIMESTAMPADD(SECOND, n * $4, CAST('$history_from' AS DATETIME)) AS posted FROM ($numbers) numbers WHERE n <= $count"
    sql "INSERT INTO transfers (id, from_id, to_id, amount, currency, kind, status, reference, description, reversed_amount, from_name,
        to_name, from_seq, to_seq, created_at, posted_at, event_id)
      SELECT id, IF(n % 2, $from, $to), IF(n % 2, $to, $from), ABS(amount), 'EUR', 'transfer', 'posted', CONCAT('BENCH-', n),
        'a transfer of the bench', 0, 'Bench Client', 'Bench Client', n, n, posted, posted, id FROM ($lines) filled ORDER BY n;
      INSERT INTO ledger_entries (ledger_id, seq, transfer_id, amount, held_change, balance_after, held_after, min_balance_after,
        posted_at)
      SELECT $to, n, id, amount, 0, balance, 0, 0, posted FROM ($lines) filled ORDER BY n;
      INSERT INTO ledger_entries (ledger_id, seq, transfer_id, amount, held_change, balance_after, held_after, min_balance_after,
        posted_at)
      SELECT $from, n, id, -amount, 0, -balance, 0, -$limit, posted FROM ($lines) filled ORDER BY n" bench_history
  done
  sql "UPDATE ledger_accounts JOIN ledger_entries
      ON ledger_entries.ledger_id = ledger_accounts.id AND ledger_entries.seq = $count
    SET ledger_accounts.balance = balance_after, ledger_accounts.min_balance = min_balance_after, ledger_accounts.seq = $count,
      ledger_accounts.posted_at = ledger_entries.posted_at, ledger_accounts.opened_at = '$history_from'
    WHERE ledger_accounts.id IN ($to, $from)" bench_history
}
# lookups NAME QUERY CURSOR: the rate over the long history beside that over the short one; of another page if a cursor is given.
lookups() {
  local long short
  long=$(load GET "/api/accounts/$long_account/$2${3:-}" '')
  short=$(load GET "/api/accounts/$short_account/$2" '')
  keep "$1.served" "$(field rate "$long")"; keep "$1.p99_ms" "$(ms "$(field p99_us "$long")")"
  keep "$1.raw" "$(field rate "$short")"; keep "$1.ratio" "$(ratio "$(field rate "$long")" "$(field rate "$short")")"
  [[ $(field refused "$long")$(field refused "$short") == 00 ]] || { say "FAILED: $2 was refused"; exit 1; }
}
# statement FORMAT: seconds, MiB, and by how many MiB the service's memory grew at most.
statement() {
  local before status=/proc/${pid[bank-service]}/status answer code seconds bytes
  before=$(awk '/^VmRSS/ { print $2 }' "$status")
  # The peak is counted anew.
  echo 5 >"/proc/${pid[bank-service]}/clear_refs"
  answer=$(curl -sS --max-time 300 -o /dev/null -w '%{http_code} %{time_total} %{size_download}' -H "Authorization: Bearer $TOKEN" \
    "$bank/api/accounts/$long_account/statement?from=$first_day&to=$last_day&format=$1")
  read -r code seconds bytes <<<"$answer"
  [[ $code == 200 ]] || { say "FAILED: the statement as $1 was answered $code"; exit 1; }
  keep "statement.$1.s" "$seconds"
  keep "statement.$1.mib" "$(awk "BEGIN { printf \"%.1f\", $bytes / 1048576 }")"
  keep "statement.$1.grew_mib" "$(awk -v before="$before" '/^VmHWM/ { printf "%.0f", ($2 - before) / 1024 }' "$status")"
}
measure_history() {
  local url step begun long_first short_last
  history_from=$(date -u -d "$history_days days ago" +%F)
  first_day=$(date -u -d "$history_from + $statement_from days" +%F)
  last_day=$(date -u -d "$history_from + $((statement_from + statement_days - 1)) days" +%F)
  # All days of the history are over.
  step=$(((history_days - 1) * 86400 / entries))
  url=$(database bench_history)
  start_bank DATABASE_URL="$url"
  prepare_accounts long_first short_last --accounts 4 --balance 0
  long_account=$long_first short_account=$((short_last - 1))
  say "filling the ledger with $entries transfers"
  sql 'CREATE TABLE bench_digits (d INTEGER PRIMARY KEY);
    INSERT INTO bench_digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)' bench_history
  fill "$long_account" "$((long_account + 1))" "$entries" "$step" 01900000-0000-7000-8000-
  fill "$short_account" "$short_last" 100 "$((step * entries / 100))" 01900001-0000-7000-8000-
  sql 'DROP TABLE bench_digits; ANALYZE TABLE transfers, ledger_entries' bench_history >/dev/null
  TOKEN=$(token "$money_user")
  export AT_FIRST AT_LAST
  AT_FIRST=$(date -u -d "$history_from" +%s) AT_LAST=$(($(date -u -d "$history_from" +%s) + entries * step))
  lookups entries 'entries?page_size=20&after='
  lookups entries_far 'entries?page_size=20&after=' "$(field cursor "$("$bench" cursor "$long_account" "$((entries / 2))")")"
  lookups balance_at 'balance?at={at}'
  statement_entries=$(sql "SELECT COUNT(*) FROM ledger_entries WHERE ledger_id = $((long_account * 2)) AND posted_at >= '$first_day'
    AND posted_at < '$last_day' + INTERVAL 1 DAY" bench_history)
  statement csv
  statement camt.053
  statement pdf
  stop bank-service
  begun=$(date +%s%N)
  verified "$url" --full
  keep verify.ms "$((($(date +%s%N) - begun) / 1000000))"
}

measure_money() {
  local round
  declare -gA cards_url=() cards_account=()
  say 'the ledger'
  transfers_url=$(database bench_transfers)
  start_bank DATABASE_URL="$transfers_url"
  prepare_accounts money_first money_last --accounts "$money_accounts"
  stop bank-service
  if [[ -n ${OLD_BIN:-} ]]; then
    old_bin=$(cd "$OLD_BIN" && pwd)
    prepare_cards new
    bin=$old_bin prepare_cards old
  fi
  for round in $(seq "$rounds"); do
    say "round $round of $rounds"
    transfer_round
    [[ -z ${OLD_BIN:-} ]] || card_round "$round"
  done
  verified "$transfers_url" --full
  [[ -z ${OLD_BIN:-} ]] || verified "${cards_url[new]}" --full
  measure_history
}

money_table() {
  what_ran
  local name what aim many
  printf '| figure | served | beside it | ratio | aim |\n|---|---|---|---|---|\n'
  while IFS='|' read -r name what aim; do
    printf '| %s | %s/s, p50 %s ms, p99 %s ms | %s | %s | %s |\n' "$what" "$(figure "$name.served")" "$(figure "$name.p50_ms")" \
      "$(figure "$name.p99_ms")" "$(beside "$name")" "$(figure "$name.ratio")" "$aim"
  done <<ROWS
cold|transfers between random ones of $money_accounts accounts|≥ 5,000/s, p99 < 50 ms
hot|transfers, all between the same two accounts|0.80 to 1.20, p99 < 50 ms
direct|transfers with one transaction per request|batches ≥ 4.00 times
ROWS
  many=$(sed -n -E 's/^(cold|hot|direct)\.(refused|broken) //p' "$work/figures" | awk '{ sum += $1 } END { print sum + 0 }')
  printf '| transfers refused or unanswered in all rounds | %s | | | 0 |\n' "$many"
  while IFS='|' read -r name what; do
    printf '| %s | %s/s, p99 %s ms | 100 entries: %s/s | %s | ≥ 0.80 |\n' "$what" "$(figure "$name.served")" "$(figure "$name.p99_ms")" \
      "$(figure "$name.raw")" "$(figure "$name.ratio")"
  done <<ROWS
entries|first 20 of $entries entries
entries_far|20 entries from the middle of $entries on
balance_at|\`balance?at=\` a random time in $entries entries
ROWS
  for name in csv camt.053 pdf; do
    printf '| statement of %s entries, %s | %s s, %s MiB; memory at most %s MiB above that before | | | memory flat |\n' "$statement_entries" \
      "$name" "$(figure "statement.$name.s")" "$(figure "statement.$name.mib")" "$(figure "statement.$name.grew_mib")"
  done
  many=$((2 * (entries + 100)))
  printf '| `ledger verify --full` of %s entries | %s s, %s/s | | | 10^7 in 5 min: ≥ 33,334/s |\n' "$many" "$(ms "$(figure verify.ms)")" \
    "$(awk "BEGIN { printf \"%d\", $many * 1000 / $(figure verify.ms) }")"
  [[ -n ${OLD_BIN:-} ]] || return 0
  printf '| POST card with a balance | %s/s | before the ledger: %s/s | %s | ≥ 0.60 |\n' "$(figure new.with)" "$(figure old.with)" \
    "$(figure cards_with.ratio)"
  printf '| POST card without one | %s/s | before the ledger: %s/s | %s | ≥ 0.90 |\n' "$(figure new.without)" "$(figure old.without)" \
    "$(figure cards_without.ratio)"
}
beside() {
  case $1 in
    cold) printf 'bare driver, groups of 64: %s/s' "$(figure cold.raw)" ;;
    hot) printf 'random accounts: %s/s' "$(figure cold.served)" ;;
    direct) printf 'in batches: %s/s' "$(figure cold.served)" ;;
  esac
}
