#!/usr/bin/env bash
# Starts the three processes by the `.env` files of the older bank service, word for word, on real engines: in a network of
# their own, where every port and name is what those files say. Needs root for that.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
cd "$repo"
export SERVERS=${SERVERS:-"${engines//,/ } mongodb"}
if [[ ${1:-} == --inside ]]; then
  exec python3 deploy/checks/old-env/main.py
fi
[[ $(id -u) == 0 ]] || fail "old-env needs root, for a network of its own"
read -r -a wanted <<<"$SERVERS"
deploy/local/install.sh "${wanted[@]}"
# With an example, so that the dependencies are those that the tests are built with: see deploy/system-tests/fault-test.sh.
cargo build --locked -q --workspace --bin=bank-service --bin=log-service --bin=email-service --example=generate
export BIN=$repo/${CARGO_TARGET_DIR:-target}/debug
exec unshare --net --mount --propagation private python3 deploy/checks/old-env/loopback.py \
  deploy/local/with.sh "$repo/deploy/checks/old-env.sh" --inside
