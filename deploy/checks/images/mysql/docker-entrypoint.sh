#!/usr/bin/env bash
# What the genuine image's entrypoint does as far as deploy/compose needs it: a new data folder gets root's password and runs the
# scripts of /docker-entrypoint-initdb.d on a server that listens on its socket alone.
set -euo pipefail
data=/var/lib/mysql
socket=/var/run/mysqld/mysqld.sock
docker_process_sql() { mysql --protocol=socket --socket="$socket" --user=root --password="$MYSQL_ROOT_PASSWORD" --comments "$@"; }

options=(--datadir="$data" --socket="$socket" --pid-file=/var/run/mysqld/mysqld.pid)
if [[ $1 == mysqld && ! -d $data/mysql ]]; then
  "$@" "${options[@]}" --initialize-insecure
  "$@" "${options[@]}" --skip-networking &
  until mysqladmin --socket="$socket" --user=root ping >/dev/null 2>&1; do
    kill -0 $! 2>/dev/null || exit 1
    sleep 0.2
  done
  mysql --socket="$socket" --user=root -e "ALTER USER root@localhost IDENTIFIED BY '$MYSQL_ROOT_PASSWORD'"
  for script in /docker-entrypoint-initdb.d/*.sh; do
    # shellcheck source=/dev/null
    . "$script"
  done
  MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysqladmin --socket="$socket" --user=root shutdown
  wait
fi
exec "$@" "${options[@]}"
