"""A demo as a newcomer starts it, and a real browser that can reach nothing else."""

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from support.opened import Opened

HOUSE = Path(__file__).parents[2]
START_TIMEOUT_SECONDS = 60
# As root, Chromium has no sandbox; the rest keeps it from calling home. No name leads anywhere, so nothing can.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


@pytest.fixture(scope="session")
def page_port() -> int:
    """The port of pages of another origin, which the demo allows."""
    return _free_port()


@pytest.fixture(scope="session")
def demo(tmp_path_factory, page_port) -> Iterator[str]:
    """The address of a running `brokergraph demo`."""
    data = tmp_path_factory.mktemp("demo")
    port = _free_port()
    command = [sys.executable, "-m", "api.cli", "demo", "--data", str(data), "--port", str(port), "--clients", "300"]
    command += ["--cors-origin", f"http://127.0.0.1:{page_port}"]
    with (data / "output").open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output, cwd=HOUSE)
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
        except (urllib.error.URLError, ConnectionError):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The demo did not start:\n{output.read_text()}") from None
        time.sleep(0.05)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    # A busy machine is no failure.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, NOWHERE])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium) -> Iterator[BrowserContext]:
    """A browser that was never used before."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


@pytest.fixture
def open_page(demo, context) -> Callable[[], Opened]:
    """Opens GraphiQL, and has it ready to be typed into."""

    def opened() -> Opened:
        one = Opened(context.new_page(), demo)
        one.open()
        return one

    return opened
