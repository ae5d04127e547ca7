#!/bin/sh
# Prints the path of a uv. Where the machine has none, one of a fixed version is put into .uv/ in this checkout; nothing
# outside of the checkout is touched. PYTHON names the Python to do it with.
set -eu

version=0.13.8
python=${PYTHON:-python3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

if found=$(command -v uv) && "$found" --version >/dev/null 2>&1; then
    echo "$found"
    exit
fi

private=$here/.uv/$version
if [ ! -x "$private/bin/uv" ]; then
    echo "Installing uv $version into .uv of this checkout." >&2
    rm -rf "$private"
    # A Python without ensurepip (Debian's, without python3-venv) may still have pip; with --target it installs beside
    # the system's packages and not among them.
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$private" >&2
        "$private/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$version" >&2
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install --quiet --disable-pip-version-check --target "$private" "uv==$version" >&2
    else
        echo "This $python has neither ensurepip nor pip, so uv cannot be fetched with it." >&2
        echo "Debian, Ubuntu: apt-get install python3-venv. Or install uv: https://docs.astral.sh/uv" >&2
        exit 1
    fi
fi
echo "$private/bin/uv"
