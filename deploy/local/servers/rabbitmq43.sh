# RabbitMQ 4.3, from Debian's unstable suite. To be sourced.
# shellcheck shell=bash disable=SC2154
source "$here/servers/rabbitmq.sh"

rabbitmq43_missing() { root_missing rabbitmq43 "sid rabbitmq-server"; }
rabbitmq43_prepare() { rabbitmq_prepare "$1" rabbitmq43; }
rabbitmq43_start() { rabbitmq_start "$1" rabbitmq43; }
