"""Sandboxes as tests start them: child processes with every vendor in them."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLIENTS = 300
START_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class RunningBox:
    """Addresses of the sandbox; vendors are "hyper", "cplugin", "cplugin_auth", "broker_work" and "broctagon"."""

    urls: dict[str, str]
    control_urls: dict[str, str]
    database_url: str
    graph_database_url: str
    settings_path: Path

    def tell(self, vendor: str, path: str, order: dict | None = None) -> dict:
        """Posts an order to a control port; "box" has the database's and the synchroniser's."""
        request = urllib.request.Request(
            f"{self.control_urls[vendor]}{path}",
            data=json.dumps(order or {}).encode(),
            headers={"content-type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def calls(self, vendor: str) -> dict:
        with urllib.request.urlopen(f"{self.control_urls[vendor]}/calls", timeout=30) as answer:
            return json.load(answer)

    def reset(self) -> None:
        """Every vendor behaves, call counts start at zero, the database runs (it comes first), the synchroniser too."""
        for vendor in sorted(self.control_urls, key=lambda name: name != "box"):
            self.tell(vendor, "/reset")


@contextmanager
def running_box(
    data: Path, clients: int, seconds: float = START_TIMEOUT_SECONDS, **variables: str
) -> Iterator[RunningBox]:
    """A sandbox in a folder of its own, which ends with the test. A large load needs more seconds. `variables` are of
    its environment.
    """
    command = [sys.executable, "-m", "sandbox", "--data", str(data), "--clients", str(clients)]
    command += ["--control", "--not-durable", "--die-with-parent"]
    with (data / "output").open("wb") as output:
        house = Path(__file__).parents[2]
        child = subprocess.Popen(command, stdout=output, stderr=output, cwd=house, env=os.environ | variables)
    try:
        yield wait_for_box(child, data, seconds)
    finally:
        child.terminate()
        child.wait(timeout=30)


def wait_for_box(child: subprocess.Popen, data: Path, seconds: float = START_TIMEOUT_SECONDS) -> RunningBox:
    ready = data / "ready.json"
    deadline = time.monotonic() + seconds
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            child.kill()
            raise RuntimeError(f"The sandbox did not start:\n{(data / 'output').read_text()}")
        time.sleep(0.02)
    facts = json.loads(ready.read_text())
    return RunningBox(**facts | {"settings_path": Path(facts["settings_path"])})
