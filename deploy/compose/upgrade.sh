#!/usr/bin/env bash
# From the release that runs to the one that is checked out here: builds, migrates with the new image while the old release
# serves, then replaces the services without a failed request. Where the migration fails nothing is replaced. The images of the
# release before stay under the tag PROJECT-previous. upgrade.sh --back puts those in place again; the database stays as it is, since
# a release works with the schema of the next one.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_env
tag=$(value IMAGE_TAG)
previous=$(value COMPOSE_PROJECT_NAME)-previous

# tag_all FROM TO: of the images that are there. move_all takes the first name away.
tag_all() {
  local service
  for service in $services; do
    ! docker image inspect "bank/$service:$1" >/dev/null 2>&1 || docker tag "bank/$service:$1" "bank/$service:$2"
  done
}
move_all() {
  local service
  tag_all "$1" "$2"
  for service in $services; do docker image rm "bank/$service:$1" >/dev/null 2>&1 || true; done
}

# tag_running TO: what serves, whatever IMAGE_TAG says by now; where nothing does, what would with `make run`.
tag_running() {
  local service id
  for service in $services; do
    id=$(running "$service" | head -n 1)
    if [[ -n $id ]]; then
      docker tag "$(docker inspect --format '{{.Image}}' "$id")" "bank/$service:$1"
    elif docker image inspect "bank/$service:$tag" >/dev/null 2>&1; then
      docker tag "bank/$service:$tag" "bank/$service:$1"
    fi
  done
}

if [[ ${1:-} == --back ]]; then
  docker image inspect "bank/bank-service:$previous" >/dev/null 2>&1 || fail 'there is no image of an earlier release'
  tag_all "$tag" "$previous-withdrawn"
  tag_all "$previous" "$tag"
  move_all "$previous-withdrawn" "$previous"
  "$here/roll.sh"
  say 'the earlier release serves; `make rollback` again goes forward'
  exit
fi

prepare
# Kept aside until the new one serves: a release that cannot be built or migrate to takes the way back from nobody.
tag_running "$previous-next"
# shellcheck disable=SC2086
compose build $services || {
  move_all "$previous-next" "$tag"
  fail 'the new release cannot be built, see above; the old release still serves, and its images are in place again'
}
start_servers
migrate || {
  move_all "$previous-next" "$tag"
  fail 'the migration of the new release failed, see above; the old release still serves, and its images are in place again'
}
move_all "$previous-next" "$previous"
"$here/roll.sh"
start_services
say 'the new release serves'
