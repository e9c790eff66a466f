# Shared by openapi.sh, clients.sh, statements.sh and console-test.sh; to be sourced. Installs the pinned tools below target/local
# and serves the embedded system with demo data.
# shellcheck shell=bash disable=SC2154
source deploy/local/lib.sh
source deploy/checks/promtool.sh

here=deploy/checks/clients
# A change of the pinned versions is another folder.
node_tools=$tools/openapi-node-$(sha256sum "$here/package.json" | cut -c1-12)
python_tools=$tools/openapi-python-$(sha256sum "$here/requirements.txt" | cut -c1-12)

install_node_tools() {
  [[ -e $node_tools/complete ]] && return
  say "installing $here/package.json (npm)"
  rm -rf "$node_tools" && mkdir -p "$node_tools" && cp "$here/package.json" "$node_tools/"
  (cd "$node_tools" && npm install --silent --no-audit --no-fund --no-package-lock) >&2 || fail "npm could not install them"
  touch "$node_tools/complete"
}

install_python_tools() {
  [[ -e $python_tools/complete ]] && return
  say "installing $here/requirements.txt (pip)"
  rm -rf "$python_tools" && mkdir -p "$tools" && python3 -m venv "$python_tools" || fail "python3 with venv is needed"
  "$python_tools/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt" >&2 || fail "pip could not install them"
  touch "$python_tools/complete"
}

# Starts the services and leaves their documents in $run/{bank,log,email}.json; BINARY: bank-standalone, built if not given.
serve() {
  local program=${BINARY:-} bank_port log_port email_port service
  if [[ -z $program ]]; then
    # With an example, so that the dependencies are those that the tests are built with: see deploy/system-tests/fault-test.sh.
    cargo build -q --locked --workspace --bin=bank-standalone --example=generate >&2
    program=${CARGO_TARGET_DIR:-target}/debug/bank-standalone
  fi
  [[ -x $program ]] || fail "$program is not there; build it or set BINARY"
  read -r bank_port log_port email_port <<<"$(free_ports 3)"
  export ADMIN_EMAIL=admin@bank.localhost ADMIN_PASS
  ADMIN_PASS=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
  declare -gA url=([bank]=http://127.0.0.1:$bank_port [log]=http://127.0.0.1:$log_port [email]=http://127.0.0.1:$email_port)
  spawn "$run" bank env -u DATABASE_URL DATA_DIR="$run/data" BANK_BIND="127.0.0.1:$bank_port" LOG_BIND="127.0.0.1:$log_port" \
    EMAIL_BIND="127.0.0.1:$email_port" "$program" --demo
  # The banner comes after the demo data.
  wait_for "$run" bank grep -q "The bank is open" "$run/bank.log"
  for service in bank log email; do
    curl -fsS --noproxy '*' -o "$run/$service.json" "${url[$service]}/openapi.json"
  done
}

run=$(mktemp -d)
trap '[[ ! -e $run/bank.pid ]] || kill_group "$run/bank.pid" TERM; rm -rf "$run"' EXIT
