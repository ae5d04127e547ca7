"""Containers by Debian's podman. `make containers` builds the images and runs these tests. `make test` has none of
them, because the images take minutes.
"""

import os
import subprocess

import pytest
from support.containers import DOCKER, IMAGES, podman

collect_ignore_glob = [] if os.environ.get("CONTAINERS") == "run" else ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def engine():
    """The engine, if it starts a container here."""
    probe = subprocess.run([DOCKER / "probe.sh"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if probe.returncode == 3:
        pytest.skip(probe.stderr.strip())
    assert probe.returncode == 0, probe.stderr
    for image in IMAGES:
        assert podman("image", "exists", image, check=False).returncode == 0, (
            "the images are not built: make containers"
        )
