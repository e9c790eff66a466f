#!/usr/bin/env bash
# Seals everything in the database under a new SECRET_KEY, which it makes: for a key that leaked. The bank does not serve meanwhile.
# The old key stays in .env as OLD_SECRET_KEY until all is done, so what was cut short is finished by the next run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_env
umask 077
OLD_SECRET_KEY=$(value OLD_SECRET_KEY)
if [[ -z $OLD_SECRET_KEY ]]; then
  OLD_SECRET_KEY=$(value SECRET_KEY)
  changed=$(mktemp "$here/.init-XXXXXX")
  { grep -v '^SECRET_KEY=' "$here/.env"; printf 'SECRET_KEY=%s\nOLD_SECRET_KEY=%s\n' "$(openssl rand -hex 24)" "$OLD_SECRET_KEY"; } >"$changed"
  mv "$changed" "$here/.env"
fi
export OLD_SECRET_KEY
prepare
start_servers
mapfile -t serving < <(running bank-service)
((${#serving[@]} == 0)) || docker stop "${serving[@]}" >/dev/null
# The value goes by the environment, where nobody else sees it.
compose run --rm --no-deps -e OLD_SECRET_KEY bank-init rotate-secret ||
  fail 'the keys are as they were, or all new: see above, and run it again; the bank does not serve until then'
sed -i '/^OLD_SECRET_KEY=/d' "$here/.env"
"$here/run.sh"
say 'everything is sealed under the new SECRET_KEY; backups made before need the old one'
