#!/usr/bin/env bash
# Writes what compose needs and must not be in the repository; may be run again, and changes no secret that is there:
#   deploy/compose/.env                       choices and secrets, from .env.example; names that are new there are added
#   <service>/.dockerenv                      from .dockerenv.example, with the values of .env
#   deploy/compose/generated/definitions.json RabbitMQ's users (password hashes only), rights and queues
# COMPOSE_OUT=DIR writes all of it below DIR instead, for checks.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$repo/deploy/compose
out=${COMPOSE_OUT:-$repo}
env_file=$out/deploy/compose/.env
generated=$out/deploy/compose/generated
umask 077

fail() { printf 'init: FAILED: %s\n' "$*" >&2; exit 1; }
command -v openssl >/dev/null || fail 'openssl is needed, to make secrets'

# Hexadecimal, so that it needs no escaping in a URL, in SQL or in JSON.
secret() { openssl rand -hex 24; }

mkdir -p "$out/deploy/compose" "$generated"
chmod 755 "$generated"
# The first time the whole file, comments and all; later only the names that it lacks.
fresh=
[[ -s $env_file ]] || fresh=yes
touch "$env_file"
chmod 600 "$env_file"
while IFS= read -r line; do
  name=
  if [[ $line =~ ^([A-Z_]+)= ]]; then
    name=${BASH_REMATCH[1]}
    ! grep -q "^$name=" "$env_file" || continue
    [[ $line != "$name=change-me" ]] || line="$name=$(secret)"
  fi
  [[ -z $name && -z $fresh ]] || printf '%s\n' "$line" >>"$env_file"
done <"$here/.env.example"

declare -A values=()
while IFS='=' read -r name value; do
  [[ $name =~ ^[A-Z_]+$ ]] && values[$name]=$value
done <"$env_file"

# render FILE: the text with ${NAME} replaced by values; a name without one is a fault.
render() {
  local text name
  text=$(<"$1")
  while [[ $text =~ \$\{([A-Z_]+)\} ]]; do
    name=${BASH_REMATCH[1]}
    [[ -n ${values[$name]:-} ]] || fail "$name has no value in $env_file; $1 needs it"
    text=${text//"\${$name}"/"${values[$name]}"}
  done
  printf '%s\n' "$text"
}

for service in bank-service log-service email-service; do
  mkdir -p "$out/$service"
  render "$repo/$service/.dockerenv.example" >"$out/$service/.dockerenv"
done

# RabbitMQ keeps base64(salt ‖ SHA-256(salt ‖ password)) with a salt of four bytes. The salt follows from the password, which is
# random itself, so that the file stays the same while no password changes.
rabbitmq_hash() {
  local salt
  salt=$(printf 'salt of %s' "$1" | openssl dgst -sha256 -r | cut -c 1-8 | sed 's/../\\x&/g')
  { printf '%b' "$salt"; { printf '%b' "$salt"; printf '%s' "$1"; } | openssl dgst -sha256 -binary; } | openssl base64 -A
}
values[RABBITMQ_BANK_HASH]=$(rabbitmq_hash "${values[RABBITMQ_BANK_PASSWORD]}")
values[RABBITMQ_LOG_HASH]=$(rabbitmq_hash "${values[RABBITMQ_LOG_PASSWORD]}")
values[RABBITMQ_EMAIL_HASH]=$(rabbitmq_hash "${values[RABBITMQ_EMAIL_PASSWORD]}")
values[RABBITMQ_OPERATOR_HASH]=$(rabbitmq_hash "${values[OPERATOR_PASSWORD]}")
render "$here/rabbitmq/definitions.template.json" >"$generated/definitions.json"
# Read by the servers' own users, who are not the owner of these files. The hashes are of random passwords of 192 bits.
printf "<?php\n\$cfg['blowfish_secret'] = '%s';\n" "${values[PAGES_COOKIE_SECRET]:0:32}" >"$generated/phpmyadmin.secret.inc.php"
chmod 644 "$generated/definitions.json" "$generated/phpmyadmin.secret.inc.php"

printf 'init: secrets are in %s\n' "$env_file" >&2
