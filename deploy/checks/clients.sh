#!/usr/bin/env bash
# Generates clients from the OpenAPI document of bank-service and runs them against it: openapi-typescript with openapi-fetch,
# type-checked strictly, and openapi-python-client. Also the browser's client of docs/live-changes.md. Then lints the metrics that all of
# that left behind (promtool).
#   BINARY=target/debug/bank-standalone   builds it if not given
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/checks/clients/serve.sh

install_node_tools
install_python_tools
find_promtool
serve
token=$(curl -fsS --noproxy '*' -H 'Content-Type: application/json' "${url[bank]}/auth/login" \
  -d "{\"email\":\"$ADMIN_EMAIL\",\"password\":\"$ADMIN_PASS\"}" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

typescript=$run/typescript
mkdir "$typescript" && cp "$here/flow.ts" "$here/tsconfig.json" "$here/package.json" "$typescript/"
ln -s "$(realpath "$node_tools/node_modules")" "$typescript/node_modules"
"$node_tools/node_modules/.bin/openapi-typescript" "$run/bank.json" --output "$typescript/bank.d.ts" >&2
"$node_tools/node_modules/.bin/tsc" --project "$typescript"
node "$typescript/out/flow.js" "${url[bank]}" "$token"
node "$here/follow.mjs" docs/live-changes.md

python=$run/python
mkdir "$python"
# It cannot take pictures, so the QR code is left out; whatever else it warns of is a fault of the document.
PATH=$(realpath "$python_tools/bin"):$PATH openapi-python-client generate --path "$run/bank.json" --meta none \
  --output-path "$python/bank_service_client" >"$run/python.log" 2>&1 || { cat "$run/python.log" >&2; fail "no Python client came of it"; }
if grep -F WARNING "$run/python.log" | grep -qvF '/auth/mfa/totp/qrcode'; then
  cat "$run/python.log" >&2
  fail "the generator of the Python client warned of the document"
fi
PYTHONPATH=$python NO_PROXY='*' "$python_tools/bin/python" "$here/flow.py" "${url[bank]}" "$token"

for service in bank log email; do
  curl -fsS --noproxy '*' -o "$run/$service.metrics" "${url[$service]}/metrics"
  "$promtool" check metrics <"$run/$service.metrics" || fail "promtool finds faults in the metrics of $service-service"
  printf 'metrics of %s-service: %s lines, without a fault\n' "$service" "$(wc -l <"$run/$service.metrics")"
done
