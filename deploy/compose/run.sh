#!/usr/bin/env bash
# Starts the containers, or brings those that run to what .env says now. The migration comes before bank-service is touched: if
# it fails, what serves goes on. PAGES=1 adds the administration pages, OBSERVE=1 Prometheus and Grafana.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
prepare
start_servers
migrate || fail 'bank-init failed, see above; services that ran before still do'
start_services
[[ -z ${PAGES:-} ]] || up pages phpmyadmin mongo-express
# Made anew, since they read their files at the start only.
[[ -z ${OBSERVE:-} ]] || up --force-recreate prometheus grafana
say "the gateway is at $(value PUBLIC_URL)"
