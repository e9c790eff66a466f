#!/usr/bin/env bash
# Gets what the private servers need and is not there yet: install.sh [mariadb|rabbitmq|mongodb|smtp ...], default all.
# System packages by apt (needs root), everything else into target/local/tools. Says what it does; may be run again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/lib.sh"
# shellcheck source=/dev/null
for server in $servers_known; do source "$here/servers/$server.sh"; done

install_apt() {
  local as_root=()
  [[ $(id -u) -eq 0 ]] || as_root=(sudo -n)
  command -v apt-get >/dev/null || fail "$1 is missing, and there is no apt-get to install it with"
  say "installing the system package $1 (apt-get)"
  # The package would start an instance on the standard port; only the program is wanted.
  local policy=/usr/sbin/policy-rc.d made=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null && "${as_root[@]}" chmod +x "$policy" && made=1
  fi
  { "${as_root[@]}" apt-get update -q && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "$1"; } >&2 || {
    [[ -z $made ]] || "${as_root[@]}" rm -f "$policy"
    fail "apt-get could not install $1"
  }
  [[ -z $made ]] || "${as_root[@]}" rm -f "$policy"
}

# Into a folder of its own that appears only when it is complete. install_pip <folder> <requirement>
install_pip() {
  say "installing $2 into target/local/tools/$1 (pip)"
  command -v python3 >/dev/null || fail "$2 needs python3 with pip"
  rm -rf "${tools:?}/$1.new" && mkdir -p "$tools"
  python3 -m pip install -q --disable-pip-version-check --target "$tools/$1.new" "$2" >&2 || fail "pip could not install $2"
  rm -rf "${tools:?}/$1" && mv "$tools/$1.new" "$tools/$1"
}

install_npm() {
  say "installing $2 into target/local/tools/$1 (npm)"
  command -v npm >/dev/null || fail "$2 needs npm (package nodejs, npm)"
  rm -rf "${tools:?}/$1.new" && mkdir -p "$tools/$1.new"
  npm install --silent --no-audit --no-fund --prefix "$tools/$1.new" "$2" >&2 || fail "npm could not install $2"
  rm -rf "${tools:?}/$1" && mv "$tools/$1.new" "$tools/$1"
}

for tool in python3 setsid; do
  command -v "$tool" >/dev/null || fail "$tool is needed"
done
read -r -a wanted <<<"${*:-$servers_known}"
for server in "${wanted[@]}"; do
  [[ " $servers_known " == *" $server "* ]] || fail "unknown server $server; known are: $servers_known"
  while IFS=: read -r how folder what; do
    case $how in
      apt) install_apt "$folder" ;;
      pip) install_pip "$folder" "$what" ;;
      npm) install_npm "$folder" "$what" ;;
      *) continue ;;
    esac
  done <<<"$("${server}_missing")"
  [[ -z $("${server}_missing") ]] || fail "$server is still not there after installing it"
done
say "there: ${*:-$servers_known}"
