# Sourced by the image's entrypoint when the data folder is new. Two users: one owns the schema and is used by migrations only,
# the other is what bank-service runs as, which can change rows and nothing else.
# shellcheck shell=bash
docker_process_sql --database=mysql <<SQL
CREATE USER 'bank_owner'@'%' IDENTIFIED BY '${BANK_DB_OWNER_PASSWORD:?}';
CREATE USER 'bank'@'%' IDENTIFIED BY '${BANK_DB_PASSWORD:?}';
GRANT ALL PRIVILEGES ON bank.* TO 'bank_owner'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON bank.* TO 'bank'@'%';
SQL
