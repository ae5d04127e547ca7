#!/bin/sh
# Builds the content of the image: `docker/build.sh /opt/brokergraph [sandbox]` makes a virtual environment with
# brokergraph and its production dependencies, with the versions and hashes of requirements.lock. The Dockerfile runs
# this script, and a test runs it into an empty folder.
set -eu

target=$1
extra=${2:+"[$2]"}
python=${PYTHON:-python3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
uv=$(PYTHON=$python "$here/scripts/uv.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As constraints, the hashes of the lock hold for every installed package: for the builder of the wheel in its temporary
# environment, and for the dependencies of the wheel.
"$uv" build --quiet --wheel --out-dir "$work" --python "$python" \
    --build-constraints "$here/requirements.lock" --require-hashes "$here"
wheel=$(echo "$work"/*.whl)
hash=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$wheel")
echo "brokergraph$extra @ file://$wheel --hash=sha256:$hash" >"$work/brokergraph.txt"
"$uv" venv --quiet --python "$python" "$target"
"$uv" pip install --quiet --python "$target" --compile-bytecode --require-hashes \
    --constraints "$here/requirements.lock" --requirements "$work/brokergraph.txt"
# The recorded path of the wheel is removed, because the wheel is not kept.
rm -f "$target"/lib/python*/site-packages/brokergraph-*.dist-info/direct_url.json
