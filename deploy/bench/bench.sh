#!/usr/bin/env bash
# Measures the three services on private real servers, each figure in turns with what the engine behind it can do when asked by
# its bare driver: medians of ROUNDS rounds, written into docs/performance.md.
#   ENGINES=mysql,rabbitmq4: the database and the broker     MYSQL_BUFFER_POOL=128M of MySQL
#   SECONDS_EACH=5 per measurement   ROUNDS=3   MAILS=4000   EVENTS=20000   WRITE=no
#   MONEY=no: without the ledger     ONLY=money: the ledger alone     ENTRIES=1000000 of the account with the long history
#   ONLY=consoles: the cost of open consoles alone
#   OLD_BIN=DIR: the release binaries of an earlier commit, to issue cards beside these
#   BUILD=no: the binaries that are there; BIN=DIR: those there, such as a debug build to try this script out
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v wrk >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'wrk is not installed: installing the Debian package wrk' >&2
    apt-get install -y -q --no-install-recommends wrk >&2
  else
    echo 'wrk is not installed: install the package wrk (apt-get install wrk, brew install wrk) and try again' >&2
    exit 1
  fi
fi
[ "${BUILD:-yes}" = no ] || [ -n "${BIN:-}" ] || cargo build --locked --release -p bank-service -p log-service -p email-service -p bench
engines=${ENGINES:-mysql,rabbitmq4}
SERVERS="${engines//,/ } mongodb" exec deploy/local/with.sh deploy/bench/rounds.sh
