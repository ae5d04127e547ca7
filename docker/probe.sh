#!/bin/sh
# Tells in some seconds, without a download, whether containers can be built and run here: exits with 3 and the reason
# where the machine is itself a container without the rights for it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export CONTAINERS_CONF="$here/containers.conf"
image=localhost/brokergraph-probe:$$
work=$(mktemp -d)
trap 'timeout 20 podman rmi --force "$image" "$image-built" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

attempt() {
    if ! timeout --kill-after 5 30 "$@" >"$work/said" 2>&1 </dev/null; then
        said=$(tail -n 1 "$work/said")
        echo "No container can start here. $1 says: ${said:-nothing for 30 seconds}" >&2
        exit 3
    fi
}

# The smallest image that has a program: `true` and its libraries.
program=/bin/true
mkdir "$work/root" "$work/context"
# Each library is a word of its own.
# shellcheck disable=SC2046
cp --dereference --parents "$program" $(ldd "$program" | grep -o '/[^ ]*') "$work/root"
tar --create --directory "$work/root" --file "$work/root.tar" .
echo secret >"$work/secret"
printf 'FROM %s\nRUN --mount=type=secret,id=one,target=/one ["%s"]\n' "$image" "$program" >"$work/context/Dockerfile"

attempt podman import "$work/root.tar" "$image"
attempt buildah bud --isolation chroot --network host --format docker --secret "id=one,src=$work/secret" \
    --tag "$image-built" "$work/context"
# With the confinement and the network of docker/replicas/compose.yaml.
attempt podman run --rm --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp \
    --user 65534:65534 --publish 127.0.0.1::8080 "$image-built" "$program"
