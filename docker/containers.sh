#!/bin/sh
# Builds the images of this checkout by Debian's programs: a Debian base, then brokergraph, brokergraph-sandbox, and
# brokergraph-servers with what docker/replicas/compose.yaml runs beside them.
# Needs root. It installs nothing: where programs are absent, it names them and exits with 2. Where no container can start,
# it says why and exits with 3, before it builds anything.
#
# The machine's settings for registries and authorities are build secrets. Other files: PIP_CONFIG_FILE, UV_CONFIG_FILE,
# NPM_CONFIG_USERCONFIG, SSL_CERT_FILE.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"

missing=
for program in buildah mmdebstrap podman runc; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
    echo "Programs are absent:$missing" >&2
    echo "Debian: apt-get install --no-install-recommends$missing" >&2
    exit 2
fi

docker/probe.sh

export CONTAINERS_CONF="$here/docker/containers.conf"
base=localhost/brokergraph-base:bookworm
work=$(mktemp -d)
beside=
trap 'kill $beside 2>/dev/null || true; rm -rf "$work"' EXIT

# A test looks for this mark in all layers of the images. It is a comment in each of these formats.
secret() {
    { cat "$2" 2>/dev/null || true; printf '\n# mark-of-a-build-secret\n'; } >"$work/$1"
}
secret pip "${PIP_CONFIG_FILE:-/etc/pip.conf}"
secret uv "${UV_CONFIG_FILE:-/etc/uv/uv.toml}"
secret npm "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}"
secret certificates "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"

if ! podman image exists "$base"; then
    echo "Making the Debian base ..." >&2
    # Without usr-is-merged, a script in Perl merges /usr and stays. A build that breaks off begins again from nothing, so
    # that dpkg need not wait for the disk. All packages come from the one mirror that CI has.
    mmdebstrap --quiet --variant=minbase --include=usr-is-merged,python3,python3-venv,ca-certificates \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        bookworm "$work/base.tar" \
        "deb http://deb.debian.org/debian bookworm main" \
        "deb http://deb.debian.org/debian bookworm-updates main" \
        "deb http://deb.debian.org/debian-security bookworm-security main"
    podman import --quiet "$work/base.tar" "$base" >&2
    rm "$work/base.tar"
fi

build() {
    echo "Building $1 ..." >&2
    name=$1
    shift
    buildah bud --quiet --isolation chroot --network host --format docker --layers --build-arg "BASE=$base" \
        --tag "localhost/$name" "$@" >&2
}
image() {
    build "$1" --build-arg "EXTRA=$2" --ignorefile docker/Dockerfile.dockerignore --file docker/Dockerfile \
        --secret "id=pip,src=$work/pip" --secret "id=uv,src=$work/uv" --secret "id=npm,src=$work/npm" \
        --secret "id=certificates,src=$work/certificates" .
}
# Both wait for downloads most of the time.
build brokergraph-servers docker/replicas &
beside=$!
image brokergraph redis
image brokergraph-sandbox sandbox
wait "$beside"
