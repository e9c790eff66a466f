#!/usr/bin/env bash
# Checks deploy/observability: Prometheus' configuration, the alerts and their unit tests (promtool), and that rules, dashboard,
# runbook and the tables of metrics name what there is (observability.py).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/lib.sh"
source "$repo/deploy/local/packages.sh"
source "$repo/deploy/checks/promtool.sh"
cd "$repo"
say() { printf 'observability: %s\n' "$*" >&2; }
fail() { printf 'observability: FAILED: %s\n' "$*" >&2; exit 1; }

find_promtool
install_lint
promtool() { "$promtool" "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "promtool $1 $2"; }; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# With the rules that it names.
promtool check config deploy/observability/prometheus.yml
promtool test rules deploy/observability/rules_test.yml
PYTHONPATH="$tools/lint" python3 deploy/checks/observability.py
