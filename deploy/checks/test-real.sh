#!/usr/bin/env bash
# The tests of the adapters on real servers, whose addresses the environment gives: run it by deploy/local/with.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${DATABASE_URL:?run this by deploy/local/with.sh}"

echo "servers: MariaDB ${MARIADB_VERSION:-?}, RabbitMQ ${RABBITMQ_VERSION:-?}, MongoDB ${MONGODB_VERSION:-?}, maildev ${MAILDEV_VERSION:-?}"
# By the whole workspace's selection, or cargo would build the dependencies anew for each crate's own; in one go, so that the
# binaries of all three services are there and new for the flows.
cargo test --locked --workspace --test amqp --test bank --test mongo --test real --test flows
# What the API tests ask of SQLite, once more of MariaDB.
export TEST_DATABASE_URL=$DATABASE_URL
cargo test --locked --workspace --test api
# And what is of a server only.
cargo test --locked --workspace --test api -- --ignored leadership together
