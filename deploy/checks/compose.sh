#!/usr/bin/env bash
# Checks deploy/compose and deploy/images as far as that goes without a Docker engine:
#   files    Dockerfile, compose.yaml (what every container promises; `docker compose config` if there is one)
#   settings what init.sh makes of values in .env: quotes, TLS, trusted edges, and of those that would be read wrongly
#   guard    example secrets are refused, by the guard and by each service
#   gateway  its own nginx.conf in front of stubs: routes, limits, streams, replicas
#   flow     the three services with the rendered variables, users and rights on private servers, behind the gateway
# compose.sh [STAGE ...], default all. BIN=DIR uses the services' binaries there, which are built otherwise.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
source "$repo/deploy/local/packages.sh"
cd "$repo"
say() { printf 'compose-check: %s\n' "$*" >&2; }
fail() { printf 'compose-check: FAILED: %s\n' "$*" >&2; exit 1; }

read -r -a stages <<<"${*:-settings files guard gateway flow}"
wants() { [[ " ${stages[*]} " == *" $1 "* ]]; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

! wants files || install_lint
if wants gateway || wants flow; then
  command -v nginx >/dev/null || install_apt nginx-light
fi
if { wants guard || wants flow || wants files; } && [[ -z ${BIN:-} ]]; then
  # With an example, so that the dependencies are those that the tests are built with: see deploy/system-tests/fault-test.sh.
  cargo build --locked -q --workspace --bin=bank-service --bin=log-service --bin=email-service --example=generate
  BIN=$repo/${CARGO_TARGET_DIR:-target}/debug
fi

# The folder as it is after `make init`.
cp -r deploy "$work/deploy"
rm -rf "$work/deploy/compose/generated" "$work/deploy/compose/.env"
COMPOSE_OUT=$work deploy/compose/init.sh 2>"$work/init.log" || { cat "$work/init.log" >&2; fail 'init.sh'; }
written() { find "$work"/deploy/compose/.env "$work"/*/.dockerenv "$work"/deploy/compose/generated -type f -print0 | sort -z | xargs -0 sha256sum; }
before=$(written)
COMPOSE_OUT=$work deploy/compose/init.sh 2>"$work/init.log"
[[ $before == "$(written)" ]] ||
  fail 'init.sh changes what is there when it is run again'
grep -rq '=.*change-me' "$work"/deploy/compose/.env "$work"/*/.dockerenv && fail 'init.sh leaves a change-me'
[[ $(stat -c %a "$work/deploy/compose/.env" "$work/bank-service/.dockerenv" | sort -u) == 600 ]] || fail 'secrets can be read by others'
[[ $(stat -c %a "$work/deploy/compose/generated") == 700 ]] || fail 'what the containers mount can be read by others'

if wants settings; then
  source deploy/checks/compose/settings.sh
  say 'settings: what would be read wrongly is refused, and nothing is half written'
fi

if wants files; then
  PATH="$tools/lint/bin:$PATH" PYTHONPATH="$tools/lint" hadolint deploy/images/Dockerfile
  arguments=()
  for service in bank-service log-service email-service; do
    env -i COLUMNS=9999 "$BIN/$service" --help >"$work/$service.help"
    arguments+=("$service=$work/$service.help")
  done
  PYTHONPATH="$tools/lint" python3 deploy/checks/compose/static.py "$repo" "${arguments[@]}" || fail 'the files do not keep their promises'
  config=(--project-directory "$work/deploy/compose" --env-file "$work/deploy/compose/.env" -f "$work/deploy/compose/compose.yaml" config)
  if docker compose version >/dev/null 2>&1; then
    docker compose "${config[@]}" -q || fail 'docker compose config'
    say "docker compose config: valid ($(docker compose version --short))"
  elif command -v docker-compose >/dev/null; then
    docker-compose "${config[@]}" -q || fail 'docker-compose config'
    say "docker-compose config: valid ($(docker-compose version --short))"
  else
    say 'compose config: left to make compose-test (neither docker compose nor docker-compose is there)'
  fi
  say 'files: as promised'
fi

if wants guard; then
  guard() { env -i PATH="$PATH" GUARDED="A_PASSWORD B_KEY" "$@" sh deploy/compose/guard.sh 2>"$work/guard.log"; }
  guard A_PASSWORD=0123456789ab B_KEY=0123456789abcdef >/dev/null || fail 'the guard refuses sound secrets'
  for bad in change-me-please-now My-Example-Password short ''; do
    ! guard A_PASSWORD=0123456789ab B_KEY="$bad" >/dev/null || fail "the guard lets ${bad:-an empty value} pass"
    grep -q '^B_KEY: ' "$work/guard.log" || fail 'the guard does not name the variable'
  done
  for service in bank-service log-service email-service; do
    # The example of the development file, declared to be production.
    mapfile -t example < <(grep '^[A-Z]' "$service/.env.example" | sed 's/^APP_ENV=.*/APP_ENV=production/')
    mkdir -p "$work/empty"
    if told=$(cd "$work/empty" && env -i PATH="$PATH" "${example[@]}" timeout 20 "$BIN/$service" serve 2>&1); then
      fail "$service starts in production with example secrets"
    fi
    grep -q 'example value, which production refuses' <<<"$told" || fail "$service says: $told"
  done
  say 'guard: example secrets are refused'
fi

if wants gateway; then
  python3 deploy/checks/compose/gateway.py deploy/compose/gateway || fail 'the gateway'
  say 'gateway: routes, limits, streams and replicas as promised'
fi

if wants flow; then
  BIN=$BIN WORK=$work deploy/local/with.sh deploy/checks/compose/flow.sh || fail 'the flow'
  say 'flow: the services work with their users, rights and variables'
fi
