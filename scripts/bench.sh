#!/bin/sh
# Measures, and draws the results. The plots' library is no dependency of the project, so it has an environment of its own.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
uv=$(PYTHON=${PYTHON:-python3} scripts/uv.sh)
[ -x bench/.venv/bin/python ] || "$uv" venv --quiet --python "${PYTHON:-python3}" bench/.venv
VIRTUAL_ENV="$here/bench/.venv" "$uv" pip sync --quiet --require-hashes bench/requirements.lock
.venv/bin/python bench/run.py "$@"
bench/.venv/bin/python bench/plots.py
