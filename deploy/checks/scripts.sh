#!/usr/bin/env bash
# Lints the shell scripts (shellcheck; installs it where it is missing).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
source "$repo/deploy/local/packages.sh"
cd "$repo"
say() { printf 'scripts: %s\n' "$*" >&2; }
fail() { printf 'scripts: FAILED: %s\n' "$*" >&2; exit 1; }

install_lint
# 2154, 2120: what a sourced file gives, or calls.
{ find deploy -name "*.sh" -print0; printf '.ci/run\0'; } | PATH="$tools/lint/bin:$PATH" PYTHONPATH="$tools/lint" xargs -0 shellcheck -x -S warning -e SC2154,SC2120 ||
  fail 'findings above'
