#!/usr/bin/env bash
# Runs a program of a system that lies in a folder as if it were installed here: in-root.sh ROOT DIR COMMAND... The program
# sees DIR under the same path, and the host names of this machine: a fresh system has none, not even localhost. Its mounts are
# in a namespace of their own, so they end with it and nobody else sees them.
set -euo pipefail
root=$1 dir=$2
shift 2
mkdir -p "$root$dir"
# shellcheck disable=SC2016
exec unshare --mount --propagation private -- bash -euc '
  root=$1 dir=$2
  shift 2
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --bind "$dir" "$root$dir"
  [[ -e $root/etc/hosts ]] || : >"$root/etc/hosts"
  mount --bind /etc/hosts "$root/etc/hosts"
  cd "$root$dir"
  exec chroot "$root" /usr/bin/env -C "$dir" "$@"' in-root "$root" "$dir" "$@"
