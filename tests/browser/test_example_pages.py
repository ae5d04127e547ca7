"""The pages of examples/, served from another port than the graph, as during development."""

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import expect
from support.node import generated, installed, run

pytestmark = pytest.mark.timeout(180)

EXAMPLES = Path(__file__).parents[2] / "examples"
ENTRIES = {"apollo": "src/page.ts", "urql": "src/page.js"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        """Write no line for each request."""


@pytest.fixture
def serve_pages(page_port) -> Callable[[Path], AbstractContextManager[str]]:
    """Serves a folder at the origin that the demo allows."""

    @contextmanager
    def serving(folder: Path) -> Iterator[str]:
        server = ThreadingHTTPServer(("127.0.0.1", page_port), functools.partial(Quiet, directory=str(folder)))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{page_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return serving


def built(name: str) -> Path:
    """The folder of the page, bundled as `npm start` does it."""
    folder = generated(EXAMPLES / name) if name == "apollo" else installed(EXAMPLES / name)
    run(["node_modules/.bin/esbuild", ENTRIES[name], "--bundle", "--format=esm", "--outdir=www"], folder)
    return folder / "www"


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_of_another_port_pages_deposits_and_finishes_after_a_reload(demo, context, serve_pages, name):
    with serve_pages(built(name)) as address:
        page = context.new_page()
        page.goto(f"{address}/?url={demo}/graphql")

        rows = page.locator("#clients li")
        expect(rows).to_have_count(10)
        page.get_by_role("button", name="Next page").click()
        expect(rows).to_have_count(20)
        assert len(set(rows.all_inner_texts())) == 20
        page.get_by_role("button", name="Deposit into").click()
        expect(page.locator("#status")).to_have_text("CONFIRMED")
        assert page.evaluate("localStorage.getItem('payment')") is None

        # As if the page had been reloaded in the middle: the stored payment is repeated and finished.
        cursor = "query { instructionEventsCursor }"
        ask = """async ([url, query]) => (await (await fetch(url, { method: "POST", body: JSON.stringify({ query }),
            headers: { "content-type": "application/json", authorization: "Bearer demo-operator" } })).json()).data"""
        found = page.evaluate(ask, [f"{demo}/graphql", cursor])["instructionEventsCursor"]
        account = {"server": "R1", "login": "61436", "amount": "1.00", "currency": "USD"}
        payment = account | {"key": f"reload-{name}", "cursor": found}
        page.evaluate("(text) => localStorage.setItem('payment', text)", json.dumps(payment))
        page.reload()
        expect(page.locator("#status")).to_have_text("CONFIRMED")
        page.wait_for_function("localStorage.getItem('payment') === null")
