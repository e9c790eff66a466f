# SMTP: maildev, an inbox with an HTTP API (GET /email, DELETE /email/all). To be sourced.
# aiosmtpd comes with it, for tests that script refusals and slowness by themselves: PYTHONPATH=$AIOSMTPD_PATH.
# shellcheck shell=bash disable=SC2154

smtp_missing() {
  [[ -x $tools/maildev/node_modules/.bin/maildev ]] || echo "npm:maildev:maildev@2.2.1"
  [[ -d $tools/aiosmtpd/aiosmtpd ]] || echo "pip:aiosmtpd:aiosmtpd"
}

smtp_prepare() {
  local dir=$1 smtp web
  read -r smtp web <<<"$(free_ports 2)"
  mkdir -p "$dir/mail"
  echo "$smtp $web" >"$dir/port"
  put "$dir" SMTP_HOST 127.0.0.1
  put "$dir" SMTP_PORT "$smtp"
  put "$dir" SMTP_API_URL "http://127.0.0.1:$web"
  put "$dir" MAILDEV_VERSION 2.2.1
  put "$dir" AIOSMTPD_PATH "$tools/aiosmtpd"
}

smtp_start() {
  local dir=$1 smtp web
  read -r smtp web <"$dir/port"
  spawn "$dir" smtp "$tools/maildev/node_modules/.bin/maildev" --smtp "$smtp" --web "$web" --ip 127.0.0.1 \
    --mail-directory "$dir/mail"
  wait_for "$dir" smtp port_open "$smtp"
  wait_for "$dir" smtp port_open "$web"
}
