#!/usr/bin/env bash
# Builds the all-in-one binary and kills it at random while it works; prints counts, fails if anything is lost or doubled.
#   KILLS=50  how often      SEED=…  repeats a run's random choices      PROFILE=release|dev
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${PROFILE:-dev}
target=${CARGO_TARGET_DIR:-target}
folder=$profile
[ "$profile" = dev ] && folder=debug
# By the selection of `cargo test --workspace`, and with an example, so that cargo counts the features of the
# dev-dependencies, too: after the tests nothing is left to build but two links.
#   FEATURES=…  those that the tests were built with, if any
cargo build --locked --profile "$profile" --workspace --bin=bank-standalone --bin=kill-test --example=generate \
  ${FEATURES:+--features "$FEATURES"}
exec "$target/$folder/kill-test" --binary "$target/$folder/bank-standalone" --kills "${KILLS:-50}" --seed "${SEED:-$(date +%s)}"
