#!/usr/bin/env bash
# Makes the folders of a new migration of bank-service, one for each engine: new-migration.sh NAME. What runs on both unchanged
# belongs into one folder below migrations/common instead: move it there, and remove the other.
set -euo pipefail
# `sort` and `>` compare byte by byte, as the versions are compared when they are applied.
export LC_ALL=C
cd "$(dirname "$0")/../.."
name=${1:-}
if ! [[ $name =~ ^[a-z][a-z0-9_]{2,59}$ ]]; then
  echo 'usage: make db-migrate name=add_nicknames (lower case, digits and underscores)' >&2
  exit 2
fi
root=${MIGRATIONS:-bank-service/migrations}
if compgen -G "$root/*/*_$name" >/dev/null; then
  echo "there is a migration of that name: $(compgen -G "$root/*/*_$name")" >&2
  exit 1
fi
version=$(date -u +%Y-%m-%d-%H%M%S)
newest=$(find "$root" -mindepth 2 -maxdepth 2 -type d -printf '%f\n' | sort | tail -n 1)
newest=${newest%%_*}
# The names are an order, not dates: where the newest is ahead of this clock, the new one takes the number after it.
if [[ ! $version > $newest ]]; then
  version=${newest%-*}-$(printf '%06d' "$((10#${newest##*-} + 1))")
fi
if [[ ! $version > $newest ]]; then
  echo "there is no number after that of the newest migration, $newest" >&2
  exit 1
fi
for engine in mysql sqlite; do
  folder=$root/$engine/${version}_$name
  mkdir -p "$folder"
  echo "-- $name on $engine. Expand only: the release before this one has to go on working on the new schema." >"$folder/up.sql"
  echo "-- Takes up.sql back." >"$folder/down.sql"
  echo "$folder"
done
