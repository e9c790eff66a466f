#!/usr/bin/env bash
# The tests of the adapters on real servers, whose addresses the environment gives: run it by deploy/local/with.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${DATABASE_URL:?run this by deploy/local/with.sh}"

echo "servers: MariaDB ${MARIADB_VERSION:-?}, RabbitMQ ${RABBITMQ_VERSION:-?}, MongoDB ${MONGODB_VERSION:-?}, maildev ${MAILDEV_VERSION:-?}"
# By the whole workspace's selection: cargo would build the dependencies anew for each crate's own.
features=service-kit/real-servers,bank-service/real-servers,log-service/real-servers,email-service/real-servers,standalone/real-servers
# In one go, so that the binaries of all three services are there and new for the flows.
cargo test --workspace --features "$features" --test amqp --test bank --test mongo --test real --test flows
TEST_DATABASE_URL=$DATABASE_URL cargo test --workspace --features "$features" --test api
