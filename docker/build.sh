#!/bin/sh
# Builds the content of the image in two steps, so that images with other extras share the first:
#
#   docker/build.sh wheel FOLDER                     the wheel of brokergraph
#   docker/build.sh install FOLDER TARGET [sandbox]  a virtual environment with the wheel and its production dependencies
#
# Versions and hashes are those of requirements.lock. The Dockerfile runs this script, and a test runs it into an empty
# folder.
set -eu

step=$1
wheels=$2
python=${PYTHON:-python3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
uv=$(PYTHON=$python "$here/scripts/uv.sh")

# As constraints, the hashes of the lock hold for every installed package: for the builder of the wheel in its temporary
# environment, and for the dependencies of the wheel.
if [ "$step" = wheel ]; then
    "$uv" build --quiet --wheel --out-dir "$wheels" --python "$python" \
        --build-constraints "$here/requirements.lock" --require-hashes "$here"
    exit
fi

target=$3
extra=${4:+"[$4]"}
wheel=$(echo "$wheels"/*.whl)
hash=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$wheel")
echo "brokergraph$extra @ file://$wheel --hash=sha256:$hash" >"$wheels/brokergraph.txt"
"$uv" venv --quiet --python "$python" "$target"
"$uv" pip install --quiet --python "$target" --compile-bytecode --require-hashes \
    --constraints "$here/requirements.lock" --requirements "$wheels/brokergraph.txt"
# The recorded path of the wheel is removed, because the wheel is not kept.
rm -f "$target"/lib/python*/site-packages/brokergraph-*.dist-info/direct_url.json
