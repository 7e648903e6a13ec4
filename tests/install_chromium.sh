#!/bin/sh
# Install Chromium and its driver from Debian's packages where they are missing and we may. Otherwise say so: the
# browser tests then skip with the same message.
set -u
command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1 && exit 0
[ -n "${WORKBENCH_CHROMIUM:-}" ] && [ -x "$WORKBENCH_CHROMIUM" ] && exit 0
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif sudo -n true 2>/dev/null; then
        sudo='sudo -n'
    else
        sudo=none
    fi
    if [ "$sudo" != none ]; then
        echo "Installing Chromium from the system's packages for the browser tests ..." >&2
        $sudo apt-get update -qq >/dev/null 2>&1
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends \
            chromium chromium-driver fonts-dejavu-core >/dev/null 2>&1 && exit 0
    fi
fi
echo "No Chromium found and none could be installed, so the browser tests will be skipped." >&2
echo "On Debian: sudo apt-get install chromium chromium-driver; elsewhere set WORKBENCH_CHROMIUM=/path/to/chromium." >&2
exit 0
