#!/usr/bin/env bash
# The tests of the adapters on real servers, whose addresses the environment gives: run it by deploy/local/with.sh.
# `test-real.sh adapters` leaves out what MongoDB alone matters to, and all of the API suite but the ledger beside its model
# (LEDGER_SEEDS, LEDGER_STEPS): for a second pair of database and broker.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${DATABASE_URL:?run this by deploy/local/with.sh}"

servers="$DATABASE_VERSION, $BROKER_VERSION, MongoDB $MONGODB_VERSION, maildev $MAILDEV_VERSION"
echo "servers: $servers"
logs=$(mktemp -d)
trap '[[ -z ${amqp:-} ]] || { pkill -P "$amqp"; kill "$amqp"; } 2>/dev/null || true; rm -rf "$logs"' EXIT
# By the whole workspace's selection, or cargo would build the dependencies anew for each crate's own; in one go, so that the
# binaries of all three services are there and new for the flows.
names=(amqp bank mongo real flows api)
cargo test --locked --workspace "${names[@]/#/--test=}" --no-run --message-format=json-render-diagnostics |
  python3 deploy/checks/test-binary.py "${names[@]}" >"$logs/programs"

# Runs all tests of a name, as cargo does: tests NAME [ARGUMENT...]
tests() {
  local name=$1 folder program found=0
  shift
  while read -r _ folder program <&3; do
    found=1
    echo "== $name: $program $*"
    (cd "$folder" && CARGO_MANIFEST_DIR=$folder exec "$program" "$@")
  done 3< <(grep "^$name " "$logs/programs")
  [[ $found == 1 ]] || { echo "test-real: no test is named $name" >&2; return 1; }
}

# The broker's tests mostly wait, and share nothing with the others: they run beside them.
(set -e; tests amqp) >"$logs/amqp" 2>&1 &
amqp=$!
for name in bank real flows; do tests "$name"; done
# The API tests run on SQLite elsewhere; here they run on the database server.
export TEST_DATABASE_URL=$DATABASE_URL
if [[ ${1:-} == adapters ]]; then
  tests api ledger_model
else
  tests mongo
  tests api
  # Tests of what only a server has; the children are those of other tests.
  tests api --ignored --skip child
fi
status=0
wait "$amqp" || status=$?
cat "$logs/amqp"
[[ $status == 0 ]] || { echo "test-real: FAILED: amqp" >&2; exit 1; }
echo "test-real: passed on $servers"
