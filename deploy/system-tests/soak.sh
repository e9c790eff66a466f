#!/usr/bin/env bash
# The long form of fault-test.sh: by default over 300 kills, spread over all points and processes, and 10 outages of each
# server. Counts by seed.
#   ROUNDS=10  rounds over all fail points     KILLS=100  at random moments     OUTAGES=10  of each server     SEED=…
#   LONGEST_OUTAGE=30  in seconds     ENGINES=mysql,rabbitmq4
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/fault-test.sh" --rounds "${ROUNDS:-10}" --kills "${KILLS:-100}" --outages "${OUTAGES:-10}" \
  --longest-outage "${LONGEST_OUTAGE:-30}" "$@"
