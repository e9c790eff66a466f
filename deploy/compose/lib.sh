# Shared by the scripts of this folder; to be sourced.
# shellcheck shell=bash disable=SC2034
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$repo/deploy/compose
services="bank-service log-service email-service"
# A container that is not healthy by then has failed.
health_limit_s=180

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
fail() { printf '%s: FAILED: %s\n' "$(basename "$0" .sh)" "$*" >&2; exit 1; }

need_env() { [[ -s $here/.env ]] || fail 'there is no deploy/compose/.env yet: run `make init`'; }

compose() {
  local files=(-f "$here/compose.yaml")
  [[ ! -f $here/compose.override.yaml ]] || files+=(-f "$here/compose.override.yaml")
  ${COMPOSE:-docker compose} --project-directory "$here" --env-file "$here/.env" "${files[@]}" "$@"
}

# The value of a name in .env, without its quotes.
value() { sed -n "s/^$1=//p" "$here/.env" | tail -n 1 | sed "s/^'\(.*\)'\$/\1/"; }

bundled() { [[ ,$(value COMPOSE_PROFILES), == *,$1,* ]]; }

# Settings into files, and no server touched before they are found sound.
prepare() {
  need_env
  "$here/init.sh"
  compose run --rm --no-deps guard >&2 || fail 'a secret is refused; nothing was started or changed'
}

# Each of what follows is started by itself, without what it depends on: Compose would make containers anew whose dependencies
# are, and a changed image of bank-init is no reason to stop a gateway. The order is that of depends_on in compose.yaml.
up() { compose up --detach --no-deps --no-build "$@"; }

# up_bundled SERVER...: those of them that run here, until they are healthy. The ones that are as they should be stay.
up_bundled() {
  local server wanted=()
  for server in "$@"; do
    ! bundled "$server" || wanted+=("$server")
  done
  ((${#wanted[@]} == 0)) || up --wait --wait-timeout "$health_limit_s" "${wanted[@]}"
}

# The servers that the bank cannot start without.
start_servers() { up_bundled mysql rabbitmq || fail 'a server does not start'; }

# Migrations, roles, the first administrator, the rights of the user that serves: beside whatever serves now.
migrate() { compose run --rm --no-deps bank-init; }

# The replica set and the users of MongoDB.
prepare_mongodb() {
  up_bundled mongodb || return
  ! bundled mongodb || compose run --rm --no-deps mongodb-init >&2
}

# All but the servers that start_servers starts. The bank comes first, and does not wait for log and mail.
start_services() {
  up --wait --wait-timeout "$health_limit_s" bank-service || fail 'bank-service does not start'
  up gateway
  ! bundled mailpit || up mailpit
  prepare_mongodb || fail 'MongoDB does not start: the bank serves, without log and mail'
  up log-service email-service
}

running() { compose ps --quiet "$1"; }

# wait_healthy CONTAINER...: one that ends is started again by the engine, since it may only have been too early for a busy server.
# After so many times it is at fault itself.
restarts_max=5
wait_healthy() {
  local id status health restarts deadline=$((SECONDS + health_limit_s))
  for id in "$@"; do
    while :; do
      read -r status health restarts < <(docker inspect --format '{{.State.Status}} {{.State.Health.Status}} {{.RestartCount}}' "$id") || return 1
      [[ $status != running || $health != healthy ]] || break
      [[ $status == running || $status == restarting ]] || return 1
      ((SECONDS < deadline && restarts <= restarts_max)) || return 1
      sleep 0.3
    done
  done
}
