"""Pictures of the dashboard for docs/images, from the demo: python scripts/screenshots.py (needs Chromium)."""

import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

HOUSE: Final = Path(__file__).parent.parent
sys.path.insert(0, str(HOUSE / "tests"))
from support.demos import running_demo  # noqa: E402 - the tests' helpers are no installed package.

IMAGES: Final = HOUSE / "docs" / "images"
WIDE: Final = {"viewport": {"width": 1280, "height": 900}}
PHONE: Final = {"viewport": {"width": 390, "height": 844}}
CLIENT: Final = "clients/500608"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        running_demo(Path(name), "--control") as address,
        _chromium() as browser,
    ):
        controls = json.loads((Path(name) / "ready.json").read_text(encoding="utf-8"))["control_urls"]
        _picture(browser, address, "light", "clients", **WIDE)
        _picture(browser, address, "light-client", CLIENT, **WIDE)
        _picture(browser, address, "dark", CLIENT, **WIDE, color_scheme="dark")
        _picture(browser, address, "phone", CLIENT, **PHONE)
        _picture(browser, address, "hebrew", CLIENT, **WIDE, locale="he-IL")
        _picture(browser, address, "empty", "clients?search=nothing+like+this", **WIDE)
        _tell(controls["cplugin"], "/misbehave", {"fault": "refuse"})
        _picture(browser, address, "partial", CLIENT, **WIDE)
        _tell(controls["cplugin"], "/reset", {})


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def _picture(browser: Browser, address: str, name: str, path: str, **options: Any) -> None:
    context = browser.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    page.goto(address)
    page.locator("#key").wait_for()
    page.locator("button.main").click()
    page.locator("header.bar").wait_for()
    page.goto(f"{address}/#/{path}")
    _settle(page)
    page.screenshot(path=IMAGES / f"dashboard-{name}.png")
    context.close()


def _settle(page: Page) -> None:
    """Wait until nothing on the page is a placeholder any more, and the charts are drawn."""
    page.wait_for_function("() => document.querySelector('main h1') && !document.querySelector('.bone')")
    page.wait_for_timeout(1000)


def _tell(control: str, path: str, order: dict[str, str]) -> None:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{control}{path}", json.dumps(order).encode(), headers)  # noqa: S310 - our own port.
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same.
        pass


if __name__ == "__main__":
    main()
