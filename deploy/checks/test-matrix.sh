#!/usr/bin/env bash
# Runs test-real.sh on each pair of database and broker, and ends with a table of what passed; fails if any did not.
#   DATABASES="mysql mariadb mariadb11"   BROKERS="rabbitmq rabbitmq4 rabbitmq43"
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
results=() failed=0
for database in ${DATABASES:-mysql mariadb mariadb11}; do
  for broker in ${BROKERS:-rabbitmq rabbitmq4 rabbitmq43}; do
    if ENGINES=$database,$broker LOCAL_UNSYNCED=1 deploy/local/with.sh deploy/checks/test-real.sh; then
      results+=("passed  $database $broker")
    else
      results+=("FAILED  $database $broker") failed=1
    fi
  done
done
printf 'test-matrix: %s\n' "${results[@]}"
exit "$failed"
