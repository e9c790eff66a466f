#!/usr/bin/env bash
# Licences, sources, banned crates and known advisories of all dependencies (cargo-deny, installed below target/local where it
# is missing). The advisories are read from github.com: without a way there they are NOT CHECKED, which the last line says, and the
# rest decides, so that a machine without a network can run `make check`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
cd "$repo"
version=0.20.2
if ! command -v cargo-deny >/dev/null; then
  export PATH=$tools/cargo-deny-$version/bin:$PATH
  if ! command -v cargo-deny >/dev/null; then
    say "installing cargo-deny $version into target/local/tools (cargo)"
    cargo install --locked --quiet --debug cargo-deny --version "$version" --root "$tools/cargo-deny-$version" \
      --target-dir "$repo/target/local/cargo-deny" >&2
    rm -rf "$repo/target/local/cargo-deny"
  fi
fi
what=(bans licenses sources)
not_checked=
if timeout 60 git ls-remote --exit-code https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
  what+=(advisories)
else
  not_checked='; advisories NOT CHECKED: github.com cannot be reached'
fi
cargo deny --log-level error check --hide-inclusion-graph "${what[@]}"
echo "deny: ${what[*]} ok$not_checked"
