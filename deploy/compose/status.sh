#!/usr/bin/env bash
# What runs, and what each service says of its dependencies. Exit code 1 unless all is well.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_env
compose ps --all --format 'table {{.Service}}\t{{.Status}}\t{{.Image}}'
sound=0
for service in $services; do
  mapfile -t ids < <(running "$service")
  ((${#ids[@]} > 0)) || { printf 'FAIL  %s does not run\n' "$service"; sound=1; }
  for id in "${ids[@]}"; do
    printf '\n%s (%s)\n' "$service" "${id:0:12}"
    docker exec "$id" "$service" doctor || sound=1
  done
done
exit "$sound"
