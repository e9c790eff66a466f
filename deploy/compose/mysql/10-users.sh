# shellcheck shell=bash
# Sourced by the image's entrypoint when the data folder is new. Two users: one owns the schema and is used by migrations only,
# the other is what bank-service runs as, which can change rows, but not what was posted, and nothing else.
docker_process_sql --database=mysql <"$USERS_SQL"
