#!/usr/bin/env bash
# Refuses to begin what would fill the disk half-way: free-space.sh GIB WHAT. Builds, servers, test databases and the engine's images lie
# below the target folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
needed=$1 what=$2 target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
mkdir -p "$target"
has=$(df -Pk "$target" | awk 'NR == 2 { print int($4 / 1048576) }')
used=$(du -sk "$target" | awk '{ print int($1 / 1048576) }')
# What an earlier run left is used again.
if ((has + used < needed)); then
  echo "FAILED: $what takes about $needed GiB in $target, which has $used GiB, and its disk has $has GiB free." >&2
  echo "        Free some space, or set CARGO_TARGET_DIR to a folder on a larger disk." >&2
  exit 1
fi
