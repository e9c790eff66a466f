#!/usr/bin/env bash
# Gets what the private servers need and is not there yet: install.sh [server ...], default one of each kind.
# System packages by apt (needs root), everything else into target/local/tools; servers that this system has no package of
# come from another suite of Debian, into a folder with a small system of its own. Says what it does; may be run again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/lib.sh"
source "$here/packages.sh"
# shellcheck source=/dev/null
for server in $servers_known; do source "$here/servers/$server.sh"; done

for tool in python3 setsid; do
  command -v "$tool" >/dev/null || fail "$tool is needed"
done
read -r -a wanted <<<"${*:-$servers_default}"
for server in "${wanted[@]}"; do
  [[ " $servers_known " == *" $server "* ]] || fail "unknown server $server; known are: $servers_known"
  while IFS=: read -r how folder what; do
    case $how in
      apt) install_apt "$folder" ;;
      pip) install_pip "$folder" "$what" ;;
      root) install_root "$folder" "$what" ;;
      npm) install_npm "$folder" "$what" ;;
      *) continue ;;
    esac
  done <<<"$("${server}_missing")"
  [[ -z $("${server}_missing") ]] || fail "$server is still not there after installing it"
done
say "there: ${*:-$servers_default}"
