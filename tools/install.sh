#!/bin/sh
# Install the workbench into .venv, with the exact versions of constraints.txt and byte-compiled: without .pyc files
# every import takes three to four times as long. uv does it in a quarter of pip's time; where it can't reach its
# packages (it doesn't read pip's configuration), pip does.
set -eu
what=$1
bin=.venv/bin
echo "Installing the workbench into .venv (about 4 GB, once; one to ten minutes) ..." >&2
if $bin/python -m pip install --quiet --disable-pip-version-check uv &&
    VIRTUAL_ENV="$PWD/.venv" $bin/uv pip install --quiet --compile-bytecode --constraint constraints.txt --editable "$what"; then
    :
else
    echo "uv couldn't install everything; going on with pip." >&2
    $bin/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable "$what"
fi
