# MySQL: a private instance with the database and user "bank" (caching_sha2_password, as MySQL makes users), also by TLS; the
# user "tls_only" has no other way in. One on the PATH is preferred; else Debian's unstable suite has a package. To be sourced.
# shellcheck shell=bash disable=SC2154

# Many systems have a `mysqld` that is MariaDB.
mysql_on_path() { command -v mysqld >/dev/null && mysqld --version | grep -q MySQL; }

mysql_root='sid mysql-server-core,mysql-client-core'
mysql_missing() { mysql_on_path || root_missing mysql "$mysql_root"; }

mysql_enter() { if mysql_on_path; then enter=(); else use_root mysql "$1"; fi; }

mysql_prepare() {
  local dir=$1 port enter
  port=$(free_ports 1)
  mysql_enter "$dir"
  "${enter[@]}" mysqld --no-defaults --initialize-insecure --datadir="$dir/data" --user="$(id -un)" --secure-file-priv=NULL \
    >"$dir/install.log" 2>&1 || fail_with_log "$dir/install.log" "mysqld --initialize makes no data folder"
  cat >"$dir/init.sql" <<'SQL'
CREATE DATABASE IF NOT EXISTS bank CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS bank@'%' IDENTIFIED BY 'bank-of-tests';
GRANT ALL ON *.* TO bank@'%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS tls_only@'%' IDENTIFIED BY 'tls_only' REQUIRE SSL;
GRANT ALL ON *.* TO tls_only@'%';
SQL
  echo "$port" >"$dir/port"
  certificate "$dir"
  client "$dir" mysql
  put "$dir" DATABASE_CA_FILE "$dir/ca.pem"
  put "$dir" DATABASE_URL "mysql://bank:bank-of-tests@127.0.0.1:$port/bank"
  put "$dir" DATABASE_SERVER mysql
  put "$dir" DATABASE_SOCKET "$dir/data/mysql.sock"
  put "$dir" DATABASE_VERSION "MySQL $("${enter[@]}" mysqld --version | sed 's/.*Ver \([0-9.]*\).*/\1/')"
}

mysql_start() {
  local dir=$1 port enter
  port=$(cat "$dir/port")
  mysql_enter "$dir"
  # For tests that make a database each and measure nothing: no waiting for the disk. A crash of the server loses nothing
  # even so, one of the machine may. Without it: the defaults, by which each commit is synced with its binlog.
  local unsynced=()
  if [[ ${LOCAL_UNSYNCED:-} ]]; then
    unsynced=(--innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=2 --innodb-doublewrite=OFF --sync-binlog=0)
  fi
  # A relative socket lies in the data folder, however long that one's path is.
  spawn "$dir" mysql "${enter[@]}" mysqld --no-defaults --datadir="$dir/data" --port="$port" --socket=mysql.sock \
    --user="$(id -un)" --bind-address=127.0.0.1 --skip-name-resolve --init-file="$dir/init.sql" --secure-file-priv=NULL \
    --mysqlx=OFF --innodb-buffer-pool-size="${MYSQL_BUFFER_POOL:-128M}" --max-connections=200 "${unsynced[@]}" \
    --ssl-ca="$dir/ca.pem" --ssl-cert="$dir/server.pem" --ssl-key="$dir/server.key"
  wait_for "$dir" mysql "$dir/client" --no-defaults --protocol=tcp --host=127.0.0.1 --port="$port" --user=bank \
    --password=bank-of-tests -e 'SELECT 1' bank
}
