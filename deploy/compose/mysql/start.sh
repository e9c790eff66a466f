# shellcheck shell=bash
# Begins MySQL's container: start.sh mysqld OPTIONS. Writes the statements that make the two users, give them their rights and
# set every password to that of the environment. The server runs them at each start, so a changed password takes effect with
# the next one, and users that a first start did not come to are made by the second. Passwords have no quotes in them: init.sh.
# The user that serves gets its rights to write from the owner, table by table, after each migration: bank-init.
set -euo pipefail
umask 077
export USERS_SQL=${USERS_SQL:-/tmp/users.sql}
# One statement a line, as --init-file wants it.
cat >"$USERS_SQL" <<SQL
CREATE DATABASE IF NOT EXISTS bank;
CREATE USER IF NOT EXISTS 'bank_owner'@'%';
CREATE USER IF NOT EXISTS 'bank'@'%';
ALTER USER 'bank_owner'@'%' IDENTIFIED BY '${BANK_DB_OWNER_PASSWORD:?}';
ALTER USER 'bank'@'%' IDENTIFIED BY '${BANK_DB_PASSWORD:?}';
ALTER USER 'root'@'localhost' IDENTIFIED BY '${MYSQL_ROOT_PASSWORD:?}';
GRANT ALL PRIVILEGES ON bank.* TO 'bank_owner'@'%' WITH GRANT OPTION;
GRANT SELECT ON bank.* TO 'bank'@'%';
SQL
# A server that prepares a new data folder takes no such file; the image then runs 10-users.sh.
[[ ! -d /var/lib/mysql/mysql ]] || set -- "$@" --init-file="$USERS_SQL"
exec docker-entrypoint.sh "$@"
