#!/usr/bin/env bash
# The three real processes on private real servers, with faults; prints counts by seed, fails if anything is lost, doubled
# or invented. Arguments go to the program: fault-test.sh --help, fault-test.sh --seed 7 outages.
# Without arguments it also plants faults, and fails unless the checker finds them.
#   SEED=…  repeats a run's choices      ENGINES=mysql,rabbitmq4  the database and the broker
#   KILLS=15  at random moments; KILLS=200 fault-test.sh random-kills does nothing else
# The case `alerts` needs Prometheus: what is on the PATH, or Debian's package unpacked (deploy/checks/promtool.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=${CARGO_TARGET_DIR:-target}
if [[ -z ${FAULT_TEST_BUILT:-} ]]; then
  services=(bank-service log-service email-service)
  features=$(printf "%s/fail-points," "${services[@]}")
  # The copies are made before anybody else builds the same programs in another way: see deploy/checks/compose-test.sh.
  mkdir -p "$target/fault-test"
  exec 8>"$target/programs.lock"
  flock 8
  # By the selection of `cargo test --workspace`, and with an example, so that cargo counts the features of the
  # dev-dependencies, too: then all dependencies are those that the tests are built with, and none is built twice. Only the
  # crates of this repository that have fail points are built anew.
  cargo build --locked --workspace "${services[@]/#/--bin=}" --bin=fault-test --example=generate --features "${features%,}"
  # Apart, so that a build for other purposes neither takes nor gives fail points.
  for service in "${services[@]}"; do cp -f "$target/debug/$service" "$target/fault-test/$service"; done
  cp -f "$target/debug/fault-test" "$target/fault-test/fault-test"
  exec 8>&-
fi
# What serves people must hold nothing of this, and what is tested must.
marker="fail point "
for service in bank-service log-service email-service; do
  grep -q "$marker" "$target/fault-test/$service" || { echo "fault-test: $service has no fail points" >&2; exit 1; }
done
run() {
  "$target/fault-test/fault-test" --binaries "$target/fault-test" --logs "$target/fault-test/logs" "$@"
}
if [[ ${1:-} == --inside ]]; then
  shift
  run --seed "$SEED" ${PROMETHEUS:+--prometheus "$PROMETHEUS"} "$@"
  # Unless only some cases were asked for.
  [[ $# -gt 0 ]] || run --seed "$SEED" --self-check
  echo "fault-test: on $DATABASE_VERSION, $BROKER_VERSION, MongoDB $MONGODB_VERSION; took $((SECONDS / 60)) min $((SECONDS % 60)) s"
  exit
fi
# Whether the case `alerts` is among those that the arguments name: all, if they name none.
has_alerts() {
  local argument named=
  for argument; do
    [[ $argument != alerts ]] || return 0
    [[ ! $argument =~ ^[a-z] ]] || named=1
  done
  [[ -z $named ]]
}
source deploy/local/lib.sh
source deploy/checks/promtool.sh
if has_alerts "$@"; then
  find_prometheus
  export PROMETHEUS=$prometheus
fi
export SERVERS="${engines//,/ } mongodb" SEED=${SEED:-$(date +%s)} FAULT_TEST_BUILT=1
exec deploy/local/with.sh "$here/fault-test.sh" --inside "$@"
