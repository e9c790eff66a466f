# Prometheus and its own linter. To be sourced after deploy/local/lib.sh; `say` and `fail` are the caller's.
# shellcheck shell=bash disable=SC2154,SC2034

# Each is what is on the PATH, or of Debian's package, unpacked without installing it.

# Sets `promtool`.
find_promtool() { promtool=$(command -v promtool) || { unpack_prometheus; promtool=$unpacked/promtool; }; }

# Sets `prometheus`.
find_prometheus() { prometheus=$(command -v prometheus) || { unpack_prometheus; prometheus=$unpacked/prometheus; }; }

# Sets `unpacked`, the folder of both programs.
unpack_prometheus() {
  local folder=$tools/prometheus
  unpacked=$folder/usr/bin
  [[ ! -x $unpacked/prometheus || ! -x $unpacked/promtool ]] || return 0
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail "Prometheus is needed, and there is no apt-get to get it with"
  say "taking the package prometheus (apt-get download) into target/local/tools/prometheus"
  # Earlier versions of this script kept promtool alone, in a folder of that name.
  rm -rf "$tools/promtool" "$folder" "$folder.new" && mkdir -p "$folder.new"
  (
    cd "$folder.new"
    apt-get download -q prometheus >&2 || { apt-get update -q && apt-get download -q prometheus; } >&2
    dpkg -x prometheus_*.deb . && rm prometheus_*.deb
  ) || fail "the package prometheus cannot be had"
  mv "$folder.new" "$folder"
}
