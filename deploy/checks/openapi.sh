#!/usr/bin/env bash
# Lints the three services' OpenAPI documents, as they are served: redocly (recommended), spectral (spectral:oas),
# openapi-spec-validator. Warnings are shown, errors fail.
#   BINARY=target/debug/bank-standalone   builds it if not given
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/checks/clients/serve.sh

install_node_tools
install_python_tools
serve
faults=0
for service in bank log email; do
  printf '%s: %s bytes\n' "$service" "$(stat -c %s "$run/$service.json")"
  NO_COLOR=1 REDOCLY_TELEMETRY=off "$node_tools/node_modules/.bin/redocly" lint --extends recommended --format summary "$run/$service.json" ||
    faults=$((faults + 1))
  "$node_tools/node_modules/.bin/spectral" lint --quiet --fail-severity error --ruleset "$here/spectral.yaml" "$run/$service.json" ||
    faults=$((faults + 1))
  "$python_tools/bin/openapi-spec-validator" --validation-errors all --subschema-errors all "$run/$service.json" || faults=$((faults + 1))
done
[[ $faults -eq 0 ]] || fail "$faults of the linters found errors"
