"""Images and containers, by podman."""

import os
import subprocess
from pathlib import Path

DOCKER = Path(__file__).parents[2] / "docker"
BASE = "localhost/brokergraph-base:bookworm"
IMAGES = ("localhost/brokergraph", "localhost/brokergraph-sandbox")


def podman(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman with the options of this repository."""
    environment = os.environ | {"CONTAINERS_CONF": str(DOCKER / "containers.conf")}
    return subprocess.run(
        ["podman", *words], env=environment, capture_output=True, text=True, check=check, stdin=subprocess.DEVNULL
    )
