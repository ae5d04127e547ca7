"""`brokergraph demo` as a newcomer starts it, on a free port, in a folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOUSE = Path(__file__).parents[2]
START_TIMEOUT_SECONDS = 60


@contextmanager
def running_demo(data: Path, *options: str, **settings: str) -> Iterator[str]:
    """The address of the demo; `settings` are BROKERGRAPH_... variables without the prefix."""
    port = _free_port()
    command = [sys.executable, "-m", "api.cli", "demo", "--data", str(data), "--port", str(port), "--clients", "300"]
    environment = os.environ | {f"BROKERGRAPH_{name}": value for name, value in settings.items()}
    with (data / "output").open("wb") as output:
        child = subprocess.Popen([*command, *options], stdout=output, stderr=output, cwd=HOUSE, env=environment)
    try:
        _wait(child, f"http://127.0.0.1:{port}/readyz", data / "output")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait(child: subprocess.Popen, url: str, output: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The demo did not start:\n{output.read_text()}") from None
        time.sleep(0.05)
