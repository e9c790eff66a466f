# MariaDB 11.8, from Debian 13. To be sourced.
# shellcheck shell=bash disable=SC2154
source "$here/servers/mariadb.sh"

mariadb11_missing() { root_missing mariadb11 "trixie mariadb-server,mariadb-client"; }
mariadb11_prepare() { mariadb_prepare "$1" mariadb11; }
mariadb11_start() { mariadb_start "$1" mariadb11; }
