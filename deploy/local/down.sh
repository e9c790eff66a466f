#!/usr/bin/env bash
# Ends all servers below LOCAL_RUN_DIR (default target/local/run), also those that tests started in folders of their own
# there, and removes the folder. `down.sh --keep` leaves data and logs; `down.sh --kill SERVER` only ends that one, at once,
# as a crash would.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/lib.sh"

[[ -d $run_dir ]] || exit 0
if [[ ${1:-} == --kill ]]; then
  kill_group "$run_dir/$2/$2.pid" KILL
  exit 0
fi
# The port mapper last: nodes sign off at it.
while IFS= read -r -d '' file; do kill_group "$file" TERM & done \
  < <(find "$run_dir" -name '*.pid' ! -name epmd.pid ! -name node.pid ! -path '*/mnesia/*' ! -path '*/data/*' -print0)
wait
while IFS= read -r -d '' file; do kill_group "$file" KILL; done < <(find "$run_dir" -name epmd.pid -print0)
[[ ${1:-} == --keep ]] || rm -rf "$run_dir"
