#!/usr/bin/env bash
# Runs make targets at the same time, for those that mostly wait: side-by-side.sh TARGET... What each says is shown whole when it
# has ended; fails if one fails, after all have ended.
set -euo pipefail
cd "$(dirname "$0")/../.."
(($# > 0)) || { echo "usage: side-by-side.sh TARGET..." >&2; exit 2; }
logs=${CARGO_TARGET_DIR:-target}/side-by-side
rm -rf "$logs" && mkdir -p "$logs"
pids=()
# Each in a process group of its own, so that all of it ends.
stop() {
  for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo "side by side: $*; each is shown as it ends, and until then is in $logs"
for target in "$@"; do
  setsid bash -c '"${MAKE:-make}" --no-print-directory "$1" >"$2/$1" 2>&1; echo $? >"$2/$1.status"' side "$target" "$logs" &
  pids+=("$!")
done
failed=()
for ((left = $#; left > 0; left--)); do
  wait -n -p ended "${pids[@]}" || true
  for n in "${!pids[@]}"; do
    [[ ${pids[n]} == "$ended" ]] || continue
    target=${*:n+1:1}
    unset "pids[n]"
    echo "== $target"
    cat "$logs/$target"
    [[ $(cat "$logs/$target.status" 2>/dev/null) == 0 ]] || failed+=("$target")
  done
done
[[ ${#failed[@]} == 0 ]] || { echo "side by side: FAILED: ${failed[*]}" >&2; exit 1; }
