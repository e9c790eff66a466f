# MariaDB: a private instance with the database and user "bank", also by TLS; the user "tls_only" has no other way in. To be
# sourced. The functions take a second word where another release is meant: see mariadb11.sh.
# shellcheck shell=bash disable=SC2154

mariadb_missing() { command -v mariadbd >/dev/null || echo "apt:mariadb-server"; }

# The system's own, or the one that lies in a folder.
mariadb_enter() { if [[ $1 == mariadb ]]; then enter=(); else use_root "$1" "$2"; fi; }

mariadb_prepare() {
  local dir=$1 name=${2:-mariadb} port enter
  port=$(free_ports 1)
  mariadb_enter "$name" "$dir"
  mkdir -p "$dir/data"
  "${enter[@]}" mariadb-install-db --no-defaults --datadir="$dir/data" --user="$(id -un)" \
    --auth-root-authentication-method=normal --skip-name-resolve --skip-test-db >"$dir/install.log" 2>&1 ||
    fail_with_log "$dir/install.log" "mariadb-install-db makes no data folder"
  cat >"$dir/init.sql" <<'SQL'
CREATE DATABASE IF NOT EXISTS bank CHARACTER SET utf8mb4;
CREATE OR REPLACE USER bank@'%' IDENTIFIED BY 'bank-of-tests';
GRANT ALL ON *.* TO bank@'%' WITH GRANT OPTION;
CREATE OR REPLACE USER tls_only@'%' IDENTIFIED BY 'tls_only' REQUIRE SSL;
GRANT ALL ON *.* TO tls_only@'%';
SQL
  echo "$port" >"$dir/port"
  certificate "$dir"
  client "$dir" mariadb
  put "$dir" DATABASE_CA_FILE "$dir/ca.pem"
  put "$dir" DATABASE_URL "mysql://bank:bank-of-tests@127.0.0.1:$port/bank"
  put "$dir" DATABASE_SERVER "$name"
  put "$dir" DATABASE_SOCKET "$dir/data/mariadb.sock"
  put "$dir" DATABASE_VERSION "MariaDB $("${enter[@]}" mariadbd --version | sed 's/.*Ver \([0-9.]*\).*/\1/')"
}

mariadb_start() {
  local dir=$1 name=${2:-mariadb} port enter
  port=$(cat "$dir/port")
  mariadb_enter "$name" "$dir"
  # For tests that make a database each and measure nothing: no waiting for the disk. A crash of the server loses nothing
  # even so, one of the machine may.
  local unsynced=()
  if [[ ${LOCAL_UNSYNCED:-} ]]; then
    unsynced=(--innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=2 --skip-innodb-doublewrite
      --skip-innodb-file-per-table --skip-innodb-stats-persistent --skip-sync-frm)
  fi
  # A relative socket lies in the data folder, however long that one's path is.
  spawn "$dir" "$name" "${enter[@]}" mariadbd --no-defaults --datadir="$dir/data" --port="$port" --socket=mariadb.sock \
    --user="$(id -un)" --bind-address=127.0.0.1 --skip-name-resolve --init-file="$dir/init.sql" \
    --innodb-buffer-pool-size=128M --max-connections=200 "${unsynced[@]}" \
    --ssl-ca="$dir/ca.pem" --ssl-cert="$dir/server.pem" --ssl-key="$dir/server.key"
  wait_for "$dir" "$name" "$dir/client" --no-defaults --protocol=tcp --host=127.0.0.1 --port="$port" --user=bank \
    --password=bank-of-tests -e 'SELECT 1' bank
}
