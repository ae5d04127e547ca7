"""A demo as a newcomer starts it, and a real browser that can reach nothing else."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from support.demos import running_demo
from support.opened import Opened
from support.served import free_port

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
    return free_port()


@pytest.fixture(scope="session")
def demo(tmp_path_factory, page_port) -> Iterator[str]:
    """The address of a running `brokergraph demo`."""
    origin = f"http://127.0.0.1:{page_port}"
    with running_demo(tmp_path_factory.mktemp("demo"), "--cors-origin", origin) as address:
        yield address


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
