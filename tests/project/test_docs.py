"""The documentation: it builds without a warning, every link leads to a page, and no page is older than the code."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from graphql import build_schema, is_specified_scalar_type

from api.settings.databases import ErpSection
from api.settings.settings import Settings
from core.secret import Secret

HOUSE = Path(__file__).parents[2]
PACKAGES = ("api", "resolvers", "instructions", "engine", "upstreams", "core")
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
KINDS = ["Home", "Tutorial", "How-to", "Reference", "Explanation"]
# Functions that log the event of their first argument.
WRAPPERS = {"_log_failure": "warning"}


class Page(HTMLParser):
    """What a built page refers to, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        target = values.get("href") or values.get("src")
        if target:
            (self.links if tag == "a" else self.loads).append(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, HOUSE / "scripts" / "docs_site.py", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[str, Page]:
    return {path.relative_to(site).as_posix(): Page(path.read_text()) for path in sorted(site.rglob("*.html"))}


def test_every_link_leads_to_a_page_and_an_anchor_of_the_site(site, pages):
    broken = [(name, link) for name, page in pages.items() for link in page.links if not leads(site, pages, name, link)]

    assert len(pages) > 50
    assert broken == []


def leads(site: Path, pages: dict[str, Page], name: str, link: str) -> bool:
    parts = urlsplit(urljoin(f"http://host/docs/{name}", link))
    if urlsplit(link).scheme:
        return True
    path = unquote(parts.path.removeprefix("/docs/")) or "index.html"
    return (site / path).is_file() and (not parts.fragment or parts.fragment in pages[path].anchors)


def test_the_pages_load_only_files_of_the_site(site, pages):
    loaded = {(name, one) for name, page in pages.items() for one in page.loads}

    assert len(loaded) > 100
    assert [one for one in sorted(loaded) if not leads(site, pages, *one)] == []
    styles = {path.name: path.read_text() for path in site.rglob("*.css")}
    assert [name for name, text in styles.items() if re.search(r"url\(['\"]?(?:https?:)?//", text)] == []


def named_pages(part: Any) -> Iterator[str]:
    match part:
        case str():
            yield part
        case list():
            for one in part:
                yield from named_pages(one)
        case dict():
            for one in part.values():
                yield from named_pages(one)


def test_the_navigation_has_every_page_once_by_its_kind():
    nav = tomllib.loads((HOUSE / "docs" / "zensical.toml").read_text())["project"]["nav"]

    assert [name for part in nav for name in part] == KINDS
    files = {path.name for path in (HOUSE / "docs").glob("*.md")} | {"decisions/README.md"}
    assert sorted(named_pages(nav)) == sorted(files)


def test_the_pages_that_are_made_from_the_code_are_fresh():
    command = [sys.executable, HOUSE / "scripts" / "docs_reference.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def logged() -> set[tuple[str, str]]:
    """Each event of the code with its level, the pairs of outages among them."""
    found = set()
    for package in PACKAGES:
        for path in (HOUSE / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and node.args:
                    found |= set(events_of(node))
    return found


def events_of(call: ast.Call) -> Iterator[tuple[str, str]]:
    texts = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    match call.func:
        case ast.Attribute(value=ast.Name(id="log" | "_log"), attr=level) if level in LEVELS and texts:
            yield texts[0], "error" if level == "exception" else level
        case ast.Name(id=name) if name in WRAPPERS:
            yield texts[0], WRAPPERS[name]
        case ast.Name(id="Outage"):
            yield from zip(texts, ("begins", "ends"), strict=True)


def documented() -> set[tuple[str, str]]:
    found = set()
    for line in (HOUSE / "docs" / "log-events.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[0].startswith("`"):
            ends = cells[1].startswith("`")
            levels = ["begins"] if ends else cells[1].split(", ")
            found |= {(cells[0].strip("`"), level) for level in levels}
            found |= {(cells[1].strip("`"), "ends")} if ends else set()
    return found


def test_the_page_of_log_events_has_every_event_of_the_code_with_its_level():
    assert len(logged()) > 80
    assert documented() == logged()


def measured() -> dict[str, set[str]]:
    """The answers a second of each shape in bench/RESULTS.md."""
    sections = re.split(r"^### (\w+): .*$", (HOUSE / "bench" / "RESULTS.md").read_text(), flags=re.MULTILINE)[1:]
    shapes = dict(zip(sections[::2], sections[1::2], strict=True))
    return {shape: set(re.findall(r"^\| [\w-]+ \| ([\d,]+) \|", text, re.MULTILINE)) for shape, text in shapes.items()}


def test_the_readme_compares_by_figures_that_were_measured():
    table = (HOUSE / "README.md").read_text().partition("## Why not")[2].partition("## ")[0]

    claims = re.findall(r"row (\w+)((?:(?! row |\|).)*)", table, re.IGNORECASE)
    figures = [(shape, figure) for shape, text in claims for figure in re.findall(r"\b\d[\d,]*\d\b", text)]
    assert len(figures) >= 8
    invented = [(shape, figure) for shape, figure in figures if figure not in measured()[shape] | {"50"}]
    assert invented == []


def test_the_reference_of_the_graph_has_every_field_of_every_type():
    schema = build_schema((HOUSE / "schema.graphql").read_text())
    sections = re.split(r"^##+ (\w+)\n", (HOUSE / "docs" / "schema.md").read_text(), flags=re.MULTILINE)
    shown = dict(zip(sections[1::2], sections[2::2], strict=True))

    own = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}
    own = {name: kind for name, kind in own.items() if not is_specified_scalar_type(kind)}
    assert own.keys() - shown.keys() == set()
    lacking = [
        (name, one)
        for name, kind in own.items()
        for one in (*getattr(kind, "fields", ()), *getattr(kind, "values", ()))
        if f"| `{one}`" not in shown[name]
    ]
    assert lacking == []


@pytest.mark.parametrize(
    "ours,theirs",
    [
        ("- a\n  b\n  - c\n", "- a\n    b\n    - c\n"),
        ("1. a\n   b\n   - c\n     d\n", "1. a\n    b\n    - c\n        d\n"),
        ("1. a\n\n   ```sh\n   if b; then\n     c\n   ```\n", "1. a\n\n    ```sh\n    if b; then\n      c\n    ```\n"),
        ("1. a\n\n   b\n2. c\n3. d\n", "1. a\n\n    b\n\n2. c\n3. d\n"),
        ("a\n\n- b\n- c\n", "a\n\n- b\n- c\n"),
        ("```\n- a\n  b\n```\n", "```\n- a\n  b\n```\n"),
    ],
    ids=["bullets", "numbers", "a fence in an item", "two paragraphs in an item", "a plain list", "a fence"],
)
def test_the_lists_of_a_page_keep_their_form(script, ours, theirs):
    assert "".join(script("docs_site").indented(ours)) == theirs


@pytest.fixture
def script() -> Iterator[Callable[[str], Any]]:
    path = list(sys.path)
    sys.path.insert(0, str(HOUSE / "scripts"))
    yield import_module
    sys.path[:] = path


def test_a_setting_without_an_explanation_is_reported(script):
    settings = script("docs_settings")
    kind = settings.types.type_info(settings.SettingsFile)
    (server,) = [one for one in settings.sections((), kind, None) if one.path == ("server",)]

    explained = settings.Explanations(["# Where it listens.", "[server]", "# The port.", "#port = 1", "#host = 2"])

    assert [explained.intro(server), explained.of(server, "port")] == ["Where it listens.", "The port."]
    assert explained.of(server, "host") == "The port."
    with pytest.raises(LookupError, match=re.escape("does not explain server.workers")):
        explained.of(server, "workers")


UNITS = {"KiB": 1024, "MiB": 1024**2}


def read(cell: str) -> float | bool | None:
    """A value of the table of limits: 1,000, 1 MiB, false or none."""
    words = cell.split()
    if words[0] in {"none", "false"}:
        return None if words[0] == "none" else False
    return float(words[0].replace(",", "")) * (UNITS[words[1]] if len(words) > 1 else 1)


def test_the_table_of_limits_has_the_defaults_of_the_settings():
    table = (HOUSE / "docs" / "limits.md").read_text().partition("## All limits")[2]
    settings = Settings(erp=ErpSection(database_url=Secret(""), accounting_currency="ILS"))

    compared = []
    for first, rest, values in re.findall(
        r"^\| `((?!VENDOR)\w+\.\w+)`((?:, `[\w.]+`)*) \| ([^|]*) \|", table, re.MULTILINE
    ):
        section = first.partition(".")[0]
        names = [one.rpartition(".")[2] for one in (first, *re.findall(r"`([\w.]+)`", rest))]
        shown = [read(value) for value in values.split(", ")]
        given = [getattr(getattr(settings, section), name) or None for name in names]
        compared.append((first, given if len(shown) > 1 else given[:1], [one or None for one in shown]))
    assert len(compared) > 15
    assert [one for one in compared if one[1] != one[2]] == []
