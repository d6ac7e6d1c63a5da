#!/bin/sh
# Proves the tree: lint, the fast suite, the end-to-end suite. Ends with `N passed, N failed`; exit 0 only when
# something ran and nothing failed. As root on Debian it installs the daemons the end-to-end suite talks to.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PWD/node_modules/.bin:$PATH
export PATH

# command:package
NEEDS="nginx:nginx-light redis-server:redis-server prometheus:prometheus promtool:prometheus prometheus-alertmanager:prometheus-alertmanager sshd:openssh-server
cron:cron dbus-daemon:dbus rsyslogd:rsyslog logrotate:logrotate socat:socat systemd-analyze:systemd logger:bsdutils
curl:curl openssl:openssl htpasswd:apache2-utils unshare:util-linux perl:perl chromium:chromium faketime:faketime
python3:python3 systemd-socket-activate:systemd
memcached:memcached mosquitto:mosquitto haproxy:haproxy supervisord:supervisor chronyd:chrony apache2:apache2 named:bind9 gcc:gcc ps:procps"

# Of recipes alone.
MORE="psql:postgresql mariadbd:mariadb-server php-fpm8.2:php-fpm postfix:postfix cupsd:cups-daemon rabbitmq-server:rabbitmq-server
prometheus-node-exporter:prometheus-node-exporter containerd:containerd dockerd:docker.io"

# bring COMMAND:PACKAGE…: installs what is missing of these.
bring() {
  missing=
  for need in "$@"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${need%%:*}" >/dev/null || missing="$missing ${need##*:}"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    # No package may start its service here: the tests start their own.
    [ -e /usr/sbin/policy-rc.d ] ||
      { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d; }
    # shellcheck disable=SC2086 # a list of packages
    apt-get install -y -q --no-install-recommends $missing </dev/null >/dev/null 2>&1 ||
      { apt-get update -q && apt-get install -y -q --no-install-recommends $missing; } </dev/null ||
      echo "cannot install$missing: the tests that need them will fail or not run"
  else
    echo "missing:$missing (apt-get install them as root): the tests that need them do not run"
  fi
}

ls /usr/lib/*/rsyslog/lmnsd_ossl.so >/dev/null 2>&1 || NEEDS="$NEEDS rsyslog-openssl"
# shellcheck disable=SC2086 # lists
bring $NEEDS
# shellcheck disable=SC2086
bring $MORE

# PM2 comes from npm, beside the packages of the tree: the agent needs none of its hundred.
PM2=node_modules/.cache/pm2
PATH=$PWD/$PM2/node_modules/.bin:$PATH
command -v pm2 >/dev/null || npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$PM2" pm2@7.0.4 ||
  echo "cannot install pm2: its test does not run"

passed=0
failed=0

# lint NAME COMMAND…: one check, one count.
lint() {
  name=$1
  shift
  if "$@"; then passed=$((passed + 1)) && echo "$name: passed"; else failed=$((failed + 1)) && echo "$name: FAILED"; fi
}

# suite PROJECT: counts the tests; a run that breaks outside of a test, or holds none, is one failure more.
suite() {
  report=$(mktemp) || exit 1
  vitest run --project "$1" --reporter=default --reporter=json --outputFile.json="$report"
  status=$?
  # shellcheck disable=SC2046 # two numbers
  set -- "$1" "$status" $(node -e '
    const { numPassedTests, numFailedTests } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    console.log(numPassedTests, numFailedTests)' "$report" 2>/dev/null || echo 0 0)
  rm -f "$report"
  passed=$((passed + $3))
  failed=$((failed + $4))
  if [ "$3" = 0 ] || { [ "$2" != 0 ] && [ "$4" = 0 ]; }; then
    echo "suite $1: FAILED outside of its tests"
    failed=$((failed + 1))
  fi
}

lint types tsc -p .
lint style biome check .
lint 'dead code' knip
suite fast
suite e2e

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
