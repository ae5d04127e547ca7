"""Containers by Debian's podman. `make containers` builds the images and runs these tests. `make test` has none of
them, because the images take minutes.
"""

import os
import shutil

import pytest
from support.containers import BASE, podman

collect_ignore_glob = [] if os.environ.get("CONTAINERS") == "run" else ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def engine():
    """The engine, if it starts a container here."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed here: apt-get install podman runc")
    if podman("image", "exists", BASE, check=False).returncode != 0:
        pytest.skip("the images are not built: make containers")
    started = podman("run", "--rm", "--network", "none", BASE, "true", check=False)
    if started.returncode != 0:
        pytest.skip(f"podman cannot start a container here: {started.stderr.strip()[-300:]}")
