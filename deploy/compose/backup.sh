#!/usr/bin/env bash
# backup.sh [FILE], default backups/PROJECT-TIME.tar: the data of the running containers and .env in one file, while they serve.
#
# The log and the record of mails are written first and the bank's database after them, so neither tells of a change that the
# bank's copy lacks. What was under way to them between the two is published again by a restore: see restore.sh. Dead letters
# lie in RabbitMQ and are not in it. The file has every secret: it is open to its owner alone, and belongs into a safe.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_env
umask 077
file=${1:-$repo/backups/$(value COMPOSE_PROJECT_NAME)-$(date -u +%Y%m%dT%H%M%SZ).tar}
[[ ! -e $file ]] || fail "$file is there already"
bundled mysql && bundled mongodb || fail 'only the bundled MySQL and MongoDB are backed up; yours have tools of their own'
mkdir -p "$(dirname "$file")"
work=$(mktemp -d "$(dirname "$file")/.backup-XXXXXX")
trap 'rm -rf "$work"' EXIT

begun=$(date -u '+%Y-%m-%d %H:%M:%S')
# A file that the container's user, who is another, may write, in a folder that nobody else can enter.
: >"$work/logs.ejson" && chmod 666 "$work/logs.ejson"
documents=$(compose run --rm -T --no-deps -v "$here/mongodb/dump.js:/dump.js:ro" -v "$work/logs.ejson:/logs.ejson" -e FILE=/logs.ejson \
  --entrypoint mongosh mongodb-init --quiet --norc 'mongodb://mongodb:27017/admin?directConnection=true' /dump.js | tail -n 1) ||
  fail 'the log store could not be read, see above'
[[ $documents =~ ^[0-9]+$ && $(wc -l <"$work/logs.ejson") == "$documents" ]] || fail "the log store: ${documents:-nothing was written}"
# As root: consistent in one transaction, with the place in the binary log from which a recovery to a point in time goes on.
# shellcheck disable=SC2016
compose exec -T mysql sh -c 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysqldump --user=root --single-transaction --quick --hex-blob \
  --set-gtid-purged=OFF --no-tablespaces --source-data=2 bank' >"$work/bank.sql"
tail -n 1 "$work/bank.sql" | grep -q '^-- Dump completed' || fail 'the dump of the database is not complete'
cp "$here/.env" "$work/env"
{
  echo 'format 1'
  echo "begun $begun"
  echo "documents $documents"
  echo "release $(docker inspect --format '{{.Image}}' "$(running bank-service | head -n 1)" 2>/dev/null || echo unknown)"
  sed -n 's/^    image: \(mysql:\|mongo:\)/image \1/p' "$here/compose.yaml" | sort -u
} >"$work/manifest"
gzip "$work/bank.sql" "$work/logs.ejson"
(cd "$work" && sha256sum manifest env bank.sql.gz logs.ejson.gz >SHA256SUMS)
tar -C "$work" -cf "$work/whole.tar" SHA256SUMS manifest env bank.sql.gz logs.ejson.gz
# Read back before it counts.
mkdir "$work/check" && tar -C "$work/check" -xf "$work/whole.tar" && (cd "$work/check" && sha256sum --quiet -c SHA256SUMS && gzip -t ./*.gz) ||
  fail 'the file cannot be read back'
mv -n "$work/whole.tar" "$file"
say "$file ($(du -h "$file" | cut -f 1), $documents documents)"
