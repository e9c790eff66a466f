#!/usr/bin/env bash
# Builds the all-in-one binary and kills it at random while it works; prints counts, fails if anything is lost or doubled.
#   KILLS=50  how often      SEED=…  repeats a run's random choices      PROFILE=release|dev
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${PROFILE:-dev}
target=${CARGO_TARGET_DIR:-target}
folder=$profile
[ "$profile" = dev ] && folder=debug
cargo build --locked --profile "$profile" -p standalone -p system-tests
exec "$target/$folder/kill-test" --binary "$target/$folder/bank-standalone" --kills "${KILLS:-50}" --seed "${SEED:-$(date +%s)}"
