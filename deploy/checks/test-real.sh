#!/usr/bin/env bash
# The tests of the adapters on real servers, whose addresses the environment gives: run it by deploy/local/with.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${DATABASE_URL:?run this by deploy/local/with.sh}"

echo "servers: MariaDB ${MARIADB_VERSION:-?}, RabbitMQ ${RABBITMQ_VERSION:-?}, MongoDB ${MONGODB_VERSION:-?}, maildev ${MAILDEV_VERSION:-?}"
TEST_DATABASE_URL=$DATABASE_URL cargo test -p bank-service --test api
cargo test -p bank-service --features real-servers --test bank
cargo test -p service-kit --features real-servers --test amqp
cargo test -p log-service --features real-servers --test mongo
cargo test -p email-service --features real-servers --test real
