#!/usr/bin/env bash
# Asserts the direction of the arrows between crates with `cargo tree`, and of those between the modules of a crate by the
# pictures in docs/architecture.md; prints what points the wrong way and fails.
set -euo pipefail
cd "$(dirname "$0")/../.."

faults=0

# forbid CRATE PATTERN WHY: no dependency of CRATE, direct or not, may match.
forbid() {
  local crate=$1 pattern=$2 why=$3 found
  found=$(cargo tree --locked -p "$crate" -e normal --prefix none --format '{p}' | awk '{print $1}' | sort -u | grep -Ex "$pattern" || true)
  if [ -n "$found" ]; then
    printf 'arrow the wrong way: %s depends on %s (%s)\n' "$crate" "$(tr '\n' ' ' <<<"$found")" "$why"
    faults=$((faults + 1))
  fi
}

services='bank-service|log-service|email-service|standalone'
forbid shared-events "service-kit|$services" 'the contract knows nobody'
forbid shared-events 'tokio|actix.*|lapin|diesel.*|mongodb|lettre|reqwest' 'the contract knows no runtime, broker or database'
forbid service-kit "$services" 'the kit knows no service'
forbid bank-service 'log-service|email-service|standalone' 'services never depend on each other'
forbid log-service 'bank-service|email-service|standalone' 'services never depend on each other'
forbid email-service 'bank-service|log-service|standalone' 'services never depend on each other'
forbid stand-ins "$services" 'stand-ins for the services of others know none of ours'
forbid test-support "$services" 'what tests share knows no service'
for crate in service-kit bank-service log-service email-service standalone; do
  forbid "$crate" 'stand-ins|test-support' 'they are for tests only'
done
for crate in service-kit bank-service log-service email-service standalone; do
  forbid "$crate" 'openssl|openssl-sys|native-tls|rsa' 'one TLS stack: rustls with aws-lc'
done

# What `cargo run` compiles first of all: see docs/decisions/0014.
forbid standalone 'mongodb|bson|hickory-.*|lapin|mysql_async|mysql_common|diesel-async|opentelemetry.*|image' 'it runs on its embedded adapters only'

# Within each crate: the layers of docs/architecture.md, and no circles.
python3 deploy/checks/arrows.py bank-service service-kit log-service email-service shared-events || faults=$((faults + 1))

# Inside bank-service: diesel stays in src/store, and domain knows no runtime and no HTTP.
if grep -rnE '\bdiesel(_async|_migrations)?::' bank-service/src --include='*.rs' | grep -v '^bank-service/src/store/'; then
  echo 'arrow the wrong way: diesel is used outside of bank-service/src/store'
  faults=$((faults + 1))
fi
if grep -rnE 'actix_web|tokio::' bank-service/src/domain --include='*.rs'; then
  echo 'arrow the wrong way: bank-service/src/domain is not pure'
  faults=$((faults + 1))
fi

if [ "$faults" -gt 0 ]; then exit 1; fi
echo 'arrows: all point the right way'
