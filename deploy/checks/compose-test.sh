#!/usr/bin/env bash
# Runs deploy/compose as an operator would, on a real engine (engine.sh), with the pinned images or look-alikes (images/).
# compose-test.sh [CASE ...]: default the short set; FULL=1 everything; COMPOSE_TEST=skip leaves it out and says so at the end.
# The stack is a copy below target/compose-test, with names, ports and networks of its own, and is taken down at the end.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
cd "$repo"
if [[ ${COMPOSE_TEST:-} == skip ]]; then
  echo 'compose-test: SKIPPED, as COMPOSE_TEST=skip asks: nothing was tried on a Docker engine' >&2
  exit
fi
# With an example, so that the dependencies are those that the tests are built with: see deploy/system-tests/fault-test.sh.
# The copies are made before anybody else builds the same programs in another way.
target=$repo/${CARGO_TARGET_DIR:-target}
mkdir -p "$target/compose-test/built"
exec 8>"$target/programs.lock"
flock 8
cargo build --locked -q --workspace --bin=bank-service --bin=log-service --bin=email-service --example=generate
printf 'compose-test: the services are built (after %s s)\n' "$SECONDS" >&2
export BIN=$target/compose-test/built
for service in bank-service log-service email-service; do
  cmp -s "$target/debug/$service" "$BIN/$service" || cp -f "$target/debug/$service" "$BIN/$service"
done
exec 8>&-
exec deploy/checks/engine.sh bash -euc 'deploy/checks/images/build.sh && exec python3 deploy/checks/compose-test/main.py "$@"' compose-test "$@"
