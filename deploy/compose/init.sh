#!/usr/bin/env bash
# Writes what compose needs and must not be in the repository; may be run again, and changes no secret that is there:
#   deploy/compose/.env         choices and secrets, from .env.example; names that are new there are added
#   <service>/.dockerenv        from .dockerenv.example, with the values of .env
#   deploy/compose/generated/   RabbitMQ's users (password hashes only), rights and queues; the gateway's listener, TLS and edge
# Everything is made aside first and put in place at the end, so a fault leaves what was there.
# COMPOSE_OUT=DIR writes all of it below DIR instead, for checks.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$repo/deploy/compose
out=${COMPOSE_OUT:-$repo}
env_file=$out/deploy/compose/.env
umask 077

fail() { printf 'init: FAILED: %s\n' "$*" >&2; exit 1; }
command -v openssl >/dev/null || fail 'openssl is needed, to make secrets'
mkdir -p "$out/deploy/compose"
work=$(mktemp -d "$out/deploy/compose/.init-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/generated/gateway"

# Hexadecimal, so that it needs no escaping in a URL, in SQL or in JSON.
secret() { openssl rand -hex 24; }

declare -A values=() optional=() secrets=()
# read_values FILE: a value is plain, or in single quotes and then literal. What compose and the services would read
# differently is refused.
read_values() {
  local line name value number=0
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $line =~ ^([A-Z_]+)=(.*)$ ]] || fail "$1, line $number: not NAME=value"
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    if [[ $value =~ ^\'([^\']*)\'$ ]]; then
      value=${BASH_REMATCH[1]}
    elif [[ ! $value =~ ^[A-Za-z0-9._~:/@,+=%-]*$ ]]; then
      fail "$name in $1, line $number: a value with such characters stands in single quotes, and has none in it"
    fi
    values[$name]=$value
  done <"$1"
}

# The first time the whole file, comments and all; later only the names that it lacks.
[[ ! -s $env_file ]] || cp "$env_file" "$work/env"
fresh=
[[ -s $work/env ]] || fresh=yes
touch "$work/env"
while IFS= read -r line || [[ -n $line ]]; do
  name=
  if [[ $line =~ ^([A-Z_]+)=(.*)$ ]]; then
    name=${BASH_REMATCH[1]}
    [[ -n ${BASH_REMATCH[2]} ]] || optional[$name]=1
    [[ $line != "$name=change-me" ]] || secrets[$name]=1
    ! grep -q "^$name=" "$work/env" || continue
    [[ -z ${secrets[$name]:-} ]] || line="$name=$(secret)"
    [[ $name != CPUS || $(nproc) -gt 1 ]] || line=CPUS=1
  fi
  [[ -z $name && -z $fresh ]] || printf '%s\n' "$line" >>"$work/env"
done <"$here/.env.example"
read_values "$work/env"

for name in "${!secrets[@]}"; do
  [[ -n ${values[$name]} ]] || fail "$name has no value in $env_file"
  # These two reach the services as they are; the others become part of an address, of SQL or of JSON.
  [[ $name == ADMIN_PASS || $name == EMAIL_APP_PASSWORD || ${values[$name]} =~ ^[A-Za-z0-9._~-]+$ ]] ||
    fail "$name in $env_file may have letters, digits and ._~- only, since it becomes part of an address"
done

[[ ${values[MONGO_REPLICA_KEY]} =~ ^[A-Za-z0-9]{12,1024}$ ]] ||
  fail "MONGO_REPLICA_KEY in $env_file may have letters and digits only: MongoDB takes no other in its key file"

# render FILE: the text with ${NAME} replaced by values; a name without one is a fault, and an optional one loses its line.
render() {
  local line name
  while IFS= read -r line || [[ -n $line ]]; do
    [[ $line =~ ^[A-Z_]+=\$\{([A-Z_]+)\}$ && -n ${optional[${BASH_REMATCH[1]}]:-} && -z ${values[${BASH_REMATCH[1]}]} ]] && continue
    while [[ $line =~ \$\{([A-Z_]+)\} ]]; do
      name=${BASH_REMATCH[1]}
      [[ -n ${values[$name]:-} ]] || fail "$name has no value in $env_file; $1 needs it"
      line=${line//"\${$name}"/"${values[$name]}"}
      # What is put in is not looked at again.
      [[ ${values[$name]} != *"\${"* ]] || fail "$name in $env_file must not hold \${"
    done
    printf '%s\n' "$line"
  done <"$1"
}

# Values that compose would read otherwise than they stand there, in its single quotes.
quote_values() { sed -E "s/^([A-Z_]+)=(.*[^A-Za-z0-9._~:/@,+=%&?*-].*)\$/\1='\2'/"; }

for service in bank-service log-service email-service; do
  render "$repo/$service/.dockerenv.example" | quote_values >"$work/$service.dockerenv"
done

# RabbitMQ keeps base64(salt ‖ SHA-256(salt ‖ password)) with a salt of four bytes. The salt follows from the password, which is
# random itself, so that the file stays the same while no password changes.
rabbitmq_hash() {
  local salt
  salt=$(printf 'salt of %s' "$1" | openssl dgst -sha256 -r | cut -c 1-8 | sed 's/../\\x&/g')
  { printf '%b' "$salt"; { printf '%b' "$salt"; printf '%s' "$1"; } | openssl dgst -sha256 -binary; } | openssl base64 -A
}
for user in BANK LOG EMAIL OPERATOR; do
  password=RABBITMQ_${user}_PASSWORD
  values[RABBITMQ_${user}_HASH]=$(rabbitmq_hash "${values[$password]}")
done
render "$here/rabbitmq/definitions.template.json" >"$work/generated/definitions.json"
printf "<?php\n\$cfg['blowfish_secret'] = '%s';\n" "${values[PAGES_COOKIE_SECRET]:0:32}" >"$work/generated/phpmyadmin.secret.inc.php"

# The gateway's listener: plain, or with TLS when it has a certificate and a key.
gateway=$work/generated/gateway
cert=${values[GATEWAY_TLS_CERT]} key=${values[GATEWAY_TLS_KEY]}
if [[ -n $cert || -n $key ]]; then
  [[ -n $cert && -n $key ]] || fail 'GATEWAY_TLS_CERT and GATEWAY_TLS_KEY go together'
  [[ ${values[PUBLIC_URL]} == https://* ]] || fail 'PUBLIC_URL has to begin with https:// when the gateway speaks TLS'
  [[ -r $cert ]] || fail "GATEWAY_TLS_CERT: $cert cannot be read"
  [[ -r $key ]] || fail "GATEWAY_TLS_KEY: $key cannot be read"
  [[ $(openssl x509 -in "$cert" -noout -pubkey 2>/dev/null) == "$(openssl pkey -in "$key" -passin pass: -pubout 2>/dev/null)" ]] ||
    fail "GATEWAY_TLS_KEY is not the key of GATEWAY_TLS_CERT, or has a password"
  cp "$cert" "$gateway/tls.pem"
  cp "$key" "$gateway/tls.key"
  cp "$here/gateway/tls.conf" "$gateway/listen.conf"
else
  printf 'listen 8080 default_server;\n' >"$gateway/listen.conf"
fi
: >"$gateway/edge.conf"
IFS=, read -r -a edges <<<"${values[GATEWAY_TRUSTED_EDGE]}"
for edge in "${edges[@]}"; do
  [[ $edge =~ ^[0-9a-fA-F.:]+(/[0-9]+)?$ ]] || fail "GATEWAY_TRUSTED_EDGE: $edge is no address or network"
  [[ ! $edge =~ /0+$ ]] || fail "GATEWAY_TRUSTED_EDGE: $edge would believe everybody"
  printf 'set_real_ip_from %s;\n' "$edge" >>"$gateway/edge.conf"
done
((${#edges[@]} == 0)) || printf 'real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n' >>"$gateway/edge.conf"

# What is read at a container's start only: a new sum makes a new container.
printf 'MOUNTED_FILES=%s\n' "$(cat "$work/generated/definitions.json" "$here"/rabbitmq/{rabbitmq.conf,enabled_plugins} | sha256sum | cut -d ' ' -f 1)" \
  >"$work/generated/rabbitmq.env"
printf 'MOUNTED_FILES=%s\n' "$(cat "$here"/mysql/*.sh | sha256sum | cut -d ' ' -f 1)" >"$work/generated/mysql.env"
printf 'MOUNTED_FILES=%s\n' "$(cat "$here"/gateway/*.conf "$gateway"/* | sha256sum | cut -d ' ' -f 1)" >"$work/generated/gateway.env"

# Read by the servers' own users, who are not the owner: readable, in a folder that only the owner can enter.
find "$work/generated/gateway" -type d -exec chmod 755 {} +
find "$work/generated" -type f -exec chmod 644 {} +
for service in bank-service log-service email-service; do
  mkdir -p "$out/$service"
  mv "$work/$service.dockerenv" "$out/$service/.dockerenv"
done
mkdir -p "$out/deploy/compose/generated/gateway"
chmod 700 "$out/deploy/compose/generated"
chmod 755 "$out/deploy/compose/generated/gateway"
rm -f "$out"/deploy/compose/generated/gateway/*
mv "$work"/generated/gateway/* "$out/deploy/compose/generated/gateway/"
rmdir "$work/generated/gateway"
mv "$work"/generated/* "$out/deploy/compose/generated/"
mv "$work/env" "$env_file"
# A checkout under a strict umask: the mounted files of the repository are nobody's secret.
(cd "$here" && chmod a+r guard.sh */*.sh */*.js */*.conf */*.php rabbitmq/enabled_plugins 2>/dev/null) || true
(cd "$repo/deploy/observability" && chmod -R a+rX . 2>/dev/null) || true

printf 'init: secrets are in %s\n' "$env_file" >&2
