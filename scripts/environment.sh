#!/bin/sh
# Makes .venv hold what requirements.lock names, hash by hash, and this package; nothing else. `make` runs it whenever
# the lock or pyproject.toml is newer than .venv/.installed.
set -eu

python=${PYTHON:-python3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "brokergraph needs Python 3.11 or newer; $python is not. Name one: make PYTHON=python3.12 ..." >&2
    exit 1
fi
uv=$(PYTHON=$python "$here/scripts/uv.sh")

# A folder that another tool made (`python -m venv`, `uv sync`) is used as well, if it has a Python.
echo "Installing brokergraph into .venv; the first time takes up to a minute." >&2
[ -x .venv/bin/python ] || "$uv" venv --quiet --clear --python "$python" .venv
export VIRTUAL_ENV="$here/.venv"
echo "Fetching and installing $(grep -c "^[a-z].*==" requirements.lock) packages ..." >&2
"$uv" pip sync --quiet --require-hashes requirements.lock
# Built by the hatchling of the lock, so that nothing is fetched that the lock does not name.
echo "Installing brokergraph itself; npm builds GraphiQL for it ..." >&2
"$uv" pip install --quiet --no-deps --no-build-isolation --editable .
touch .venv/.installed
