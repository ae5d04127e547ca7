"""The files for Kubernetes are valid, confined, and of one mind with the server."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from api.app import create_app
from api.cli.server import SHUTDOWN_SECONDS
from api.settings.settings import load_settings

FOLDER = Path(__file__).parents[2] / "docker/kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
BASE = sorted(path for path in (FOLDER / "base").glob("*.yaml") if path.name != "kustomization.yaml")
URL = "postgresql://brokergraph:secret@database/brokergraph"
SECRETS = {
    "erp_database_url": URL,
    "state_database_url": URL,
    "redis_url": "redis://redis",
    "webhooks_key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}
VERSION = "1.37"


def resources(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def pods(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["spec"]["template"]["spec"] for one in found if one["kind"] in {"Deployment", "Job"}]


@pytest.fixture
def copied(tmp_path) -> Path:
    """The folder with the files of secrets that an operator would add."""
    copy = tmp_path / "kubernetes"
    shutil.copytree(FOLDER, copy)
    for overlay in OVERLAYS:
        for name, value in SECRETS.items():
            (copy / "overlays" / overlay / "secrets" / name).write_text(value)
    return copy


@pytest.mark.parametrize("path", BASE, ids=lambda path: path.name)
def test_a_file_of_the_base_is_valid(path):
    for resource in resources(path.read_text()):
        kubernetes_validate.validate(resource, VERSION, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_rendered_and_valid(copied, overlay):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed here: no package of Debian has it")
    done = subprocess.run(
        [kubectl, "kustomize", copied / "overlays" / overlay],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"KUBECONFIG": os.devnull},
    )
    assert done.returncode == 0, done.stderr

    found = resources(done.stdout)
    for resource in found:
        kubernetes_validate.validate(resource, VERSION, strict=True)
    secret = next(one for one in found if one["kind"] == "Secret")
    settings = next(one for one in found if one["kind"] == "ConfigMap")
    for pod in pods(found):
        volumes = {one["name"]: one for one in pod["volumes"]}
        assert volumes["secrets"]["secret"]["secretName"] == secret["metadata"]["name"]
        assert volumes["settings"]["configMap"]["name"] == settings["metadata"]["name"]
    wanted = {name for name in SECRETS if f"secrets/{name}" in settings["data"]["brokergraph.toml"]}
    assert secret["data"].keys() == wanted
    assert "secret@" not in settings["data"]["brokergraph.toml"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_settings_of_an_overlay_start_the_server(copied, overlay):
    assert load_settings(copied / "overlays" / overlay / "brokergraph.toml", {}).server.host == "0.0.0.0"


def test_every_container_is_confined():
    for path in BASE:
        for pod in pods(resources(path.read_text())):
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["automountServiceAccountToken"] is False
            for container in pod["containers"]:
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }
                assert "memory" in container["resources"]["limits"]


def test_the_probes_ask_pages_that_the_server_has_and_a_stop_has_its_time(copied):
    [pod] = pods(resources((FOLDER / "base/deployment.yaml").read_text()))
    settings = load_settings(copied / "overlays/small/brokergraph.toml", {})
    routes = {route.path for route in create_app(settings).routes}
    [container] = pod["containers"]

    probes = [container[f"{name}Probe"] for name in ("liveness", "readiness", "startup")]
    assert {probe["httpGet"]["path"] for probe in probes} == {"/livez", "/readyz"}
    assert {probe["httpGet"]["path"] for probe in probes} <= routes
    assert container["ports"][0]["containerPort"] == settings.server.port
    # The readiness probe must fail within the time in which the server still serves.
    ready = container["readinessProbe"]
    assert ready["periodSeconds"] * ready["failureThreshold"] < settings.server.drain_seconds
    assert pod["terminationGracePeriodSeconds"] > settings.server.drain_seconds + SHUTDOWN_SECONDS
