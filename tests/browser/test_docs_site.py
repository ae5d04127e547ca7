"""The documentation in a real browser that can reach only the demo: it needs no other host, and its search works."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from support.node import installed

# Each form of content: a first page, code, long tables, pictures, a folder, a page from another folder.
PAGES = ["", "tutorial.html", "schema.html", "root-fields.html", "graphiql.html", "decisions/index.html"]
PAGES += ["project/bench/RESULTS.html"]
WIDE = 390
AXE = Path(__file__).parent / "axe"
SERIOUS = {"serious", "critical"}


class Watched:
    """A page, with the problems and the requests of its browser."""

    def __init__(self, page: Page, demo: str) -> None:
        self.page, self.demo = page, demo
        self.problems: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda one: self.problems.append(one.text) if one.type in {"error", "warning"} else None)
        page.on("pageerror", lambda one: self.problems.append(f"uncaught: {one}"))
        page.context.on("request", lambda one: self.hosts.add(urlsplit(one.url).netloc))

    def open(self, name: str) -> Page:
        self.page.goto(f"{self.demo}/docs/{name}", wait_until="load")
        return self.page


@pytest.fixture
def watched(demo, context) -> Watched:
    return Watched(context.new_page(), demo)


def test_a_page_is_shown_without_a_problem_and_without_another_host(watched):
    for name in PAGES:
        page = watched.open(name)
        assert page.locator("h1").count() >= 1, name

    assert watched.problems == []
    assert watched.hosts == {urlsplit(watched.demo).netloc}


def test_the_search_finds_a_page_and_opens_it(watched):
    page = watched.open("")

    page.get_by_role("button", name="Search").click()
    page.keyboard.type("idempotency key")
    result = page.get_by_role("option", name=re.compile("idempotency", re.IGNORECASE)).first
    expect(result).to_be_visible()
    result.click()

    expect(page).to_have_url(re.compile(r"/docs/[\w-]+\.html"))
    assert watched.problems == []
    assert watched.hosts == {urlsplit(watched.demo).netloc}


def test_the_kinds_of_pages_are_apart_in_the_navigation(watched):
    page = watched.open("")

    tabs = page.get_by_role("navigation", name="Tabs").get_by_role("link")

    expect(tabs).to_have_text(["Home", "Tutorial", "How-to", "Reference", "Explanation"])


def test_a_missing_page_looks_like_the_others(watched):
    page = watched.open("nowhere/at-all.html")

    expect(page.get_by_role("navigation", name="Tabs")).to_be_visible()
    assert [one for one in watched.problems if "404" not in one] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_follows_the_mode_of_the_system(watched, scheme):
    watched.page.emulate_media(color_scheme=scheme)

    page = watched.open("errors.html")

    expect(page.locator("body")).to_have_attribute(
        "data-md-color-scheme", {"light": "default", "dark": "slate"}[scheme]
    )


@pytest.mark.parametrize("name", ["schema.html", "settings.html", "tutorial.html", "index.html"])
def test_no_page_is_wider_than_a_phone(watched, name):
    watched.page.set_viewport_size({"width": WIDE, "height": 800})

    page = watched.open(name)

    assert page.evaluate("document.documentElement.scrollWidth") <= WIDE


@pytest.mark.parametrize(
    "scheme,pages", [("light", ["", "tutorial.html", "project/bench/RESULTS.html"]), ("dark", ["errors.html"])]
)
def test_no_page_has_a_serious_finding_of_axe(watched, scheme, pages):
    source = (installed(AXE) / "node_modules" / "axe-core" / "axe.min.js").read_text()
    watched.page.emulate_media(color_scheme=scheme)

    found = []
    for name in pages:
        page = watched.open(name)
        page.evaluate(f"() => {{ {source} }}")
        answer = page.evaluate("() => axe.run()")
        assert len(answer["passes"]) > 10
        found += [(name, one["id"], one["nodes"]) for one in answer["violations"] if one["impact"] in SERIOUS]

    assert found == []
