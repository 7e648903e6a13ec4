#!/bin/sh
# Install PostgreSQL's server from Debian's packages where it is missing and we may. Otherwise say so: the tests that
# read from a real database then skip with the same message. No service is started: each test run makes its own
# throw-away cluster.
set -u
for initdb in "${WORKBENCH_POSTGRES:-/nowhere}/initdb" /usr/lib/postgresql/*/bin/initdb; do
    [ -x "$initdb" ] && exit 0
done
command -v initdb >/dev/null 2>&1 && command -v pg_ctl >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif sudo -n true 2>/dev/null; then
        sudo='sudo -n'
    else
        sudo=none
    fi
    if [ "$sudo" != none ]; then
        echo "Installing PostgreSQL from the system's packages for the database tests ..." >&2
        $sudo apt-get update -qq >/dev/null 2>&1
        # Without a cluster of the system's own, which would be started at once.
        $sudo sh -c 'mkdir -p /etc/postgresql-common && [ -e /etc/postgresql-common/createcluster.conf ] ||
            echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf'
        DEBIAN_FRONTEND=noninteractive $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
            --no-install-recommends postgresql >/dev/null 2>&1 && exit 0
    fi
fi
echo "No PostgreSQL found and none could be installed, so the tests with a real database will be skipped." >&2
echo "On Debian: sudo apt-get install postgresql; elsewhere set WORKBENCH_POSTGRES to the folder that has initdb." >&2
exit 0
