"""axe-core in a page: what is wrong for people with a screen reader, a keyboard only, or weak eyes."""

from pathlib import Path

from playwright.sync_api import Page

from support.node import installed

_FOLDER = Path(__file__).parents[1] / "browser" / "axe"
_GRAVE = ("serious", "critical")
# The policy of a page lets no foreign script run, but an evaluation by the debugger is no script of the page.
_RUN = "() => globalThis.axe.run().then(({violations}) => violations)"


def grave_findings(page: Page) -> list[tuple[str, str]]:
    """The rule and the element of each serious or critical finding."""
    page.evaluate((installed(_FOLDER) / "node_modules" / "axe-core" / "axe.min.js").read_text())
    found = [one for one in page.evaluate(_RUN) if one["impact"] in _GRAVE]
    return [(one["id"], " ".join(map(str, node["target"]))) for one in found for node in one["nodes"]]
