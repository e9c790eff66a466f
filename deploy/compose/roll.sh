#!/usr/bin/env bash
# roll.sh [SERVICE ...], default all three: replaces the services' containers by new ones of the images and settings that are
# there now, without a failed request. The new ones come beside the old; those go, one of each service at a time, once the new are
# healthy. If one does not become so, all new ones go and the old ones stay.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_env
# The gateway asks for names again every second; a replica is stopped once it knows of others.
gateway_learns_s=2

read -r -a wanted <<<"${*:-$services}"
old=() scales=() fresh=() rounds=()
for service in "${wanted[@]}"; do
  [[ " $services " == *" $service "* ]] || fail "unknown service $service; known are: $services"
  mapfile -t ids < <(running "$service")
  prefix=${service%-service}
  scales+=(--scale "$service=$((${#ids[@]} + $(value "${prefix^^}_REPLICAS")))")
  old+=("${ids[@]}")
  for round in "${!ids[@]}"; do rounds[round]+="${ids[round]} "; done
done
up --no-recreate "${scales[@]}" "${wanted[@]}"
for service in "${wanted[@]}"; do
  while read -r id; do
    [[ " ${old[*]} " == *" $id "* ]] || fresh+=("$id")
  done < <(running "$service")
done
wait_healthy "${fresh[@]}" || {
  for id in "${fresh[@]}"; do docker logs --tail 20 "$id" >&2 || true; done
  docker rm --force "${fresh[@]}" >/dev/null
  fail 'a new container does not become healthy; the old ones still serve'
}
for leaving in "${rounds[@]}"; do
  sleep "$gateway_learns_s"
  # shellcheck disable=SC2086
  docker stop $leaving >/dev/null && docker rm $leaving >/dev/null
done
say "${#fresh[@]} new containers in place of ${#old[@]}"
