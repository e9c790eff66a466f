#!/usr/bin/env bash
# restore.sh FILE: fills empty containers from a file of backup.sh, and starts them. Without deploy/compose/.env, as on a new
# machine, the file's is taken; one that is there has to have the same SECRET_KEY. Data that is there is not touched, unless
# FORCE=1 says to replace it.
#
# Events of the hour before the backup began are published again, and their log entries posted again: what the log and the mails
# have already is recognised by its id and not done twice. Mails and messages with links or codes are not: these were taken out once they were sent.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
umask 077
file=${1:-}
[[ -n $file ]] || fail 'which file? make restore FILE=backups/…'
[[ -r $file ]] || fail "$file cannot be read"
work=$(mktemp -d "$here/.init-XXXXXX")
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xf "$file" SHA256SUMS manifest env bank.sql.gz logs.ejson.gz || fail "$file is no backup"
(cd "$work" && sha256sum --quiet -c SHA256SUMS >&2) || fail "$file is damaged"
grep -qx 'format 1' "$work/manifest" || fail "$file is of a release that this one does not know"
begun=$(sed -n 's/^begun //p' "$work/manifest")
[[ $begun =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}\ [0-9:]{8}$ ]] || fail "$file does not say when it was made"

[[ -s $here/.env ]] || cp "$work/env" "$here/.env"
[[ $(value SECRET_KEY) == "$(sed -n 's/^SECRET_KEY=//p' "$work/env" | tail -n 1)" ]] ||
  fail 'SECRET_KEY in deploy/compose/.env is not the one of the backup, without which its data cannot be used'
for service in $services; do
  [[ -z $(running "$service") ]] || fail "$service runs: make down first"
done
prepare
start_servers
prepare_mongodb || fail 'MongoDB does not start'

as_root() { compose exec -T mysql sh -c 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysql --user=root --skip-column-names --batch "$@"' mysql "$@"; }
tables=$(as_root -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'bank'")
if [[ $tables != 0 ]]; then
  [[ ${FORCE:-} == 1 ]] || fail "the database has $tables tables already; nothing was changed (FORCE=1 replaces them)"
  as_root -e 'DROP DATABASE bank; CREATE DATABASE bank CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
fi
gunzip -c "$work/bank.sql.gz" | as_root bank
gunzip "$work/logs.ejson.gz" && chmod 644 "$work/logs.ejson"
documents=$(compose run --rm -T --no-deps -v "$here/mongodb/load.js:/load.js:ro" -v "$work/logs.ejson:/logs.ejson:ro" -e FILE=/logs.ejson \
  --entrypoint mongosh mongodb-init --quiet --norc 'mongodb://mongodb:27017/admin?directConnection=true' /load.js | tail -n 1) ||
  fail 'the log store could not be filled, see above'
grep -qx "documents $documents" "$work/manifest" || fail "the log store took ${documents:-nothing}, which is not what the backup has"
# The bank's copy is later than the log's: an entry that the bank knows to be posted may not be in it.
events=$(as_root bank -e "
  UPDATE mail_receipts SET due_at = '1970-01-01', posted_at = NULL, attempts = 0 WHERE posted_at >= '$begun' - INTERVAL 1 HOUR;
  UPDATE outbox SET due_at = '1970-01-01', sent_at = NULL, progress = NULL, waiting_for = NULL
  WHERE sent_at >= '$begun' - INTERVAL 1 HOUR AND event_type NOT IN ('email.requested', 'sms.requested', 'push.requested');
  SELECT ROW_COUNT()")
say "the data of $begun UTC is in place: $documents documents, $events events to publish again"
"$here/run.sh"
