"""The images as docker/containers.sh builds them."""

import json
import re
import tarfile

import pytest
from support.containers import DOCKER, IMAGES, podman

MARK = b"mark-of-a-build-secret"
LARGEST_BYTES = 250_000_000


@pytest.fixture(scope="module", params=IMAGES)
def image(request) -> str:
    return request.param


def inspected(image: str) -> dict:
    return json.loads(podman("image", "inspect", image).stdout)[0]


def test_no_layer_has_a_build_secret(image, tmp_path):
    podman("save", "--format", "docker-archive", "--output", tmp_path / "image.tar", image)

    found, files = [], 0
    with tarfile.open(tmp_path / "image.tar") as archive:
        for member in archive.getmembers():
            if member.name.endswith(".json"):
                found += [member.name] if MARK in archive.extractfile(member).read() else []
            if not member.name.endswith(".tar") or not member.isfile():
                continue
            with tarfile.open(fileobj=archive.extractfile(member)) as layer:
                for part in layer:
                    if part.isfile():
                        files += 1
                        found += [part.name] if MARK in layer.extractfile(part).read() else []
    assert found == []
    assert files > 1000


def test_the_files_of_the_secrets_are_not_in_the_image(image):
    look = "ls -A /etc/uv /etc/pip.conf /root /opt; cat /etc/ssl/certs/ca-certificates.crt | grep -c mark-of"
    shown = podman(
        "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "sh", image, "-c", look, check=False
    )

    assert "cannot access '/etc/pip.conf'" in shown.stderr
    assert ".npmrc" not in shown.stdout
    # Of the build stage, only the environment is left.
    assert re.search(r"/opt:\nbrokergraph\n", shown.stdout)
    assert shown.stdout.endswith("\n0\n")


def test_the_image_is_small():
    assert inspected(IMAGES[0])["Size"] < LARGEST_BYTES


def test_the_image_is_not_root_and_has_a_health_check(image):
    found = inspected(image)
    configuration = found["Config"]

    assert configuration["User"] == "65534:65534"
    assert configuration["Entrypoint"] == ["/opt/brokergraph/bin/brokergraph"]
    assert found["Healthcheck"]["Test"][:2] == ["CMD", "/opt/brokergraph/bin/python"]


def test_the_bill_of_materials_has_the_locked_versions(image):
    command = ("run", "--rm", "--network", "none", "--entrypoint", "cat", image, "/opt/brokergraph/sbom.json")
    installed = json.loads(podman(*command).stdout)["installed"]
    lock = (DOCKER.parent / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ \\;]+)", lock, re.MULTILINE))

    versions = {
        re.sub(r"[-_.]+", "-", package["metadata"]["name"].lower()): package["metadata"]["version"]
        for package in installed
    }
    del versions["brokergraph"]
    assert {"asyncpg", "uvloop", "graphql-core"} <= versions.keys()
    assert versions == {name: locked.get(name) for name in versions}
