# What init.sh makes of the values in .env. Sourced by compose.sh, with $work as it is after a first run.
# shellcheck shell=bash disable=SC2154
env_file=$work/deploy/compose/.env
cp "$env_file" "$work/sound.env"

# set_value NAME VALUE: as an operator's editor would.
set_value() { sed -i "/^$1=/d" "$env_file" && printf '%s=%s\n' "$1" "$2" >>"$env_file"; }
init() { COMPOSE_OUT=$work deploy/compose/init.sh >"$work/init.log" 2>&1; }
rendered() { grep -h "^$2=" "$work/$1/.dockerenv"; }

# refused NAME VALUE [NAME VALUE]: the variable is named, and what was there before is still there, byte by byte.
refused() {
  local before
  before=$(written)
  cp "$env_file" "$work/before.env"
  set_value "$1" "$2"
  (($# == 2)) || set_value "$3" "$4"
  ! init || fail "init.sh takes $1=$2"
  grep -q "FAILED: .*$1" "$work/init.log" || fail "init.sh does not name $1: $(cat "$work/init.log")"
  [[ -z $2 ]] || ! grep -q -F -- "${2:1}" "$work/init.log" || [[ $1 == GATEWAY_* ]] || fail "init.sh shows the value of $1"
  cp "$work/before.env" "$env_file"
  [[ $before == "$(written)" ]] || fail "a refused $1 leaves something half written"
}

for value in 'p@ss/word' 'with"quote' 'Corr$ct' 'a#b' 'two words' 'back\slash' "'p@ss/word'" ''; do
  refused BANK_DB_PASSWORD "$value"
done
for value in 'Corr$ct horse #9' 'a"b' "it's"; do refused ADMIN_PASS "$value"; done
refused SECRET_KEY ''
refused MONGO_REPLICA_KEY 0123456789-abc.def
for value in everybody 0.0.0.0/0 ::/0 '10.0.0.1;'; do refused GATEWAY_TRUSTED_EDGE "$value"; done
refused GATEWAY_TLS_CERT "$work/none.pem"
rm -rf "$work/.init"

# A chosen password in quotes reaches the services as it stands there.
set_value ADMIN_PASS "'Corr\$ct horse #9 \"battery\"'"
set_value EMAIL_FROM "'Bank <bank@example.com>'"
init || fail "init.sh refuses quoted values: $(cat "$work/init.log")"
[[ $(rendered bank-service ADMIN_PASS) == "ADMIN_PASS='Corr\$ct horse #9 \"battery\"'" ]] || fail "$(rendered bank-service ADMIN_PASS)"
[[ $(rendered email-service EMAIL_FROM) == "EMAIL_FROM='Bank <bank@example.com>'" ]] || fail "$(rendered email-service EMAIL_FROM)"
! rendered bank-service SMS_FROM || fail 'what is not set is passed on'

# TLS: only with a certificate and the key that belongs to it.
certificate "$work"
tls=(GATEWAY_TLS_CERT "$work/server.pem")
set_value PUBLIC_URL https://bank.example.com
refused GATEWAY_TLS_KEY "$work/ca.key" "${tls[@]}"
set_value "${tls[@]}"
set_value GATEWAY_TLS_KEY "$work/server.key"
set_value PUBLIC_URL http://bank.example.com
! init || fail 'a gateway with TLS has a plain PUBLIC_URL'
set_value PUBLIC_URL https://bank.example.com
set_value GATEWAY_TRUSTED_EDGE 203.0.113.7,2001:db8::/32
init || fail "init.sh refuses a certificate with its key: $(cat "$work/init.log")"
grep -q '^listen 8080 ssl' "$work/deploy/compose/generated/gateway/listen.conf" || fail 'the gateway does not speak TLS'
grep -q '^set_real_ip_from 2001:db8::/32;' "$work/deploy/compose/generated/gateway/edge.conf" || fail 'the edge is not trusted'

cp "$work/sound.env" "$env_file"
init || fail 'init.sh'

# A machine with one core: its engine refuses a container that may take two.
mkdir -p "$work/one-core/bin"
printf '#!/bin/sh\necho 1\n' >"$work/one-core/bin/nproc" && chmod +x "$work/one-core/bin/nproc"
PATH="$work/one-core/bin:$PATH" COMPOSE_OUT=$work/one-core deploy/compose/init.sh >"$work/init.log" 2>&1 || fail 'init.sh with one core'
grep -qx CPUS=1 "$work/one-core/deploy/compose/.env" || fail 'init.sh lets a server take more cores than there are'
