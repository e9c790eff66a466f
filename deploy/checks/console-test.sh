#!/usr/bin/env bash
# Uses the console of bank-standalone in headless Chromium, as staff would: login with a second factor, an event on its way, an outage,
# a dead letter, a block, money; then the main path in headless Firefox. Each page is checked by axe, by keyboard, for its size, and at
# two widths in light and dark.
#   BINARY=target/debug/bank-standalone   builds it if not given
#   CHROMIUM=/usr/bin/chromium            the browser; installs Debian's package if there is none
#   FIREFOX=/usr/bin/firefox-esr          the same of Firefox
#   SCREENSHOTS=target/console            the folder for the pictures of all pages
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/checks/clients/serve.sh
source deploy/local/packages.sh

here=deploy/checks/console
node_tools=$tools/console-node-$(sha256sum "$here/package.json" | cut -c1-12)
pictures=${SCREENSHOTS:-${CARGO_TARGET_DIR:-target}/console}

# Sets `chromium`.
find_chromium() {
  chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
  [[ -z $chromium ]] || return 0
  install_apt chromium
  chromium=$(command -v chromium) || fail "the package chromium has no program of that name"
}

# Sets `firefox`.
find_firefox() {
  firefox=${FIREFOX:-$(command -v firefox-esr || command -v firefox || true)}
  [[ -z $firefox ]] || return 0
  install_apt firefox-esr
  firefox=$(command -v firefox-esr) || fail "the package firefox-esr has no program of that name"
}

install_node_tools
find_chromium
find_firefox
mail_port=$(free_ports 1)
# The users log in more often than ten times a minute.
export MAIL_URL=smtp://127.0.0.1:$mail_port RATE_LOGIN_PER_MINUTE=0
serve
mkdir -p "$pictures" "$run/downloads" && rm -f "$pictures"/*-{360,1280}-{light,dark}.png "$pictures"/failed.*
cp -r "$here" "$run/console" && ln -s "$(realpath "$node_tools/node_modules")" "$run/console/node_modules"
BANK_URL=${url[bank]} LOG_URL=${url[log]} EMAIL_URL=${url[email]} DATA_DIR=$run/data MAIL_PORT=$mail_port CHROMIUM=$chromium \
  FIREFOX=$firefox PICTURES=$(realpath "$pictures") DOWNLOADS=$run/downloads node "$run/console/main.mjs"
