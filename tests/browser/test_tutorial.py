"""docs/tutorial.md is true: it is followed to the letter in a fresh clone, and its page is used in a browser."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from support.documented import HOUSE, Block, Terminal, blocks, need_curl
from support.served import free_port

PATIENCE_SECONDS = 100
TUTORIAL = "docs/tutorial.md"
# What the page says, and what it would say if nothing else on this machine used its ports.
GRAPH_PORT, PAGE_PORT = "8000", "5173"
STAYS = ("make demo", "http.server")


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A fresh clone. Its environment is the one of this checkout, because installing takes a minute."""
    folder = tmp_path_factory.mktemp("tutorial") / "brokergraph"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{HOUSE}", folder], check=True)
    environment = Path(sys.prefix)
    (folder / ".venv").mkdir()
    for part in environment.iterdir():
        if part.name != ".installed":
            (folder / ".venv" / part.name).symlink_to(part)
    (folder / ".venv" / ".installed").touch()
    return folder


@pytest.fixture(scope="module")
def followed(clone) -> Iterator[str]:
    """The address of the page, after every step of the tutorial in its order."""
    need_curl()
    ports = {GRAPH_PORT: str(free_port()), PAGE_PORT: str(free_port())}
    shown = [adapted(block, ports) for block in blocks(TUTORIAL, clone)]
    with ExitStack() as stack:
        terminal = stack.enter_context(Terminal(clone))
        for block, after in zip(shown, [*shown[1:], None], strict=True):
            if block.language != "sh":
                save(clone, block)
            elif any(command in block.text for command in STAYS):
                port = ports[PAGE_PORT] if "http.server" in block.text else ports[GRAPH_PORT]
                stack.enter_context(running(clone, block, port, ports[GRAPH_PORT]))
            else:
                check(terminal.run(block), after)
        yield f"http://127.0.0.1:{ports[PAGE_PORT]}"


def adapted(block: Block, ports: dict[str, str]) -> Block:
    text = block.text
    for written, port in ports.items():
        text = text.replace(written, port)
    return replace(block, text=text)


def save(clone: Path, block: Block) -> None:
    if block.title != "answer":
        (clone / block.title).write_text(block.text)


def check(printed: str, after: Block | None) -> None:
    if after is not None and after.title == "answer":
        assert json.loads(printed) == json.loads(after.text)


@contextmanager
def running(clone: Path, block: Block, port: str, graph_port: str) -> Iterator[None]:
    """A command that stays in its terminal, which is interrupted in the end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKERGRAPH_")}
    # The environment knows where this checkout is. The clone comes before it.
    variables = {"PYTHONPATH": str(clone), "BROKERGRAPH_PORT": graph_port}
    with (clone / "printed").open("w+") as output:
        child = subprocess.Popen(
            ["sh", "-euc", block.text],
            cwd=clone,
            env=clean | variables,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            wait(child, f"http://127.0.0.1:{port}/", clone / "printed")
            yield
        finally:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait(timeout=30)


def wait(child: subprocess.Popen, url: str, printed: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(url):
        assert child.poll() is None, printed.read_text()
        assert time.monotonic() < deadline, printed.read_text()
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@pytest.fixture
def page(followed, context) -> Page:
    page = context.new_page()
    page.goto(followed)
    return page


def open_accounts(page: Page) -> None:
    expect(page.locator("#clients tr")).to_have_count(10)
    page.get_by_role("button", name="More").click()
    expect(page.locator("#clients tr")).to_have_count(20)
    page.get_by_text("Noa Ben-David").click()
    expect(page.locator("h2")).to_have_text("Noa Ben-David")


def test_the_page_lists_clients_and_shows_live_figures(page):
    row = page.locator("#clients tr").first

    open_accounts(page)

    expect(row).to_contain_text("500014")
    expect(page.get_by_text("R1/61436: 5000.00 USD")).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)


def test_a_deposit_whose_answer_is_lost_is_booked_once(page):
    open_accounts(page)
    before = page.get_by_text("R1/61436: ").text_content()
    lost = []

    def lose(route: Route) -> None:
        if "deposit(" in (route.request.post_data or ""):
            lost.append(route.fetch().json()["data"]["deposit"]["instruction"]["status"])
            route.abort()
        else:
            route.continue_()

    page.route("**/graphql", lose)
    with page.expect_event("requestfailed"):
        page.get_by_text("R1/61436: ").get_by_role("button").click()
    page.unroute("**/graphql")
    page.reload()
    open_accounts(page)
    page.get_by_text("R1/61436: ").get_by_role("button").click()

    expect(page.locator(".outcome")).to_have_text("CONFIRMED")
    expect(page.get_by_text("R1/61436: 5010.00 USD")).to_be_visible()
    assert (before.startswith("R1/61436: 5000.00"), lost) == (True, ["CONFIRMED"])
    assert page.evaluate("sessionStorage.length") == 0
