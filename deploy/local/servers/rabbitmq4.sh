# RabbitMQ 4.0, from Debian 13. To be sourced.
# shellcheck shell=bash disable=SC2154
source "$repo/deploy/local/servers/rabbitmq.sh"

rabbitmq4_root='trixie rabbitmq-server'
rabbitmq4_missing() { root_missing rabbitmq4 "$rabbitmq4_root"; }
rabbitmq4_prepare() { rabbitmq_prepare "$1" rabbitmq4; }
rabbitmq4_start() { rabbitmq_start "$1" rabbitmq4; }
