"""docs/adding-a-vendor.md is true: what it shows, added to a copy of the tree, is a vendor like every other."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[3]
DOCUMENT = (HOUSE / "docs/adding-a-vendor.md").read_text()
FOLDERS = ("api", "core", "docs", "engine", "instructions", "resolvers", "sandbox", "tests", "upstreams")
FILES = ("pyproject.toml", "brokergraph.example.toml")
# The copies keep their times, so that the bytecode of all that is not changed fits them.
LEFT_OUT = shutil.ignore_patterns("node_modules", "source")
CONTRACTS = [
    *(f"tests/contract/vendors/test_{name}.py" for name in ("live_contract", "money_contract", "money_doubt")),
    "tests/integration/vendors/test_every_server.py",
    "tests/integration/serve/test_check_command.py",
    "tests/project/test_vendors.py",
]
PACKAGES = ("api", "core", "engine", "instructions", "resolvers", "upstreams")
REGISTRY, TOY = "upstreams/vendors/registry.py", "upstreams/vendors/toy/"
CHOSEN = "(toy and not toy_vendor) or L2 or in_order_is_found_so"


def blocks() -> list[tuple[str, str, str]]:
    """(file, the name of the list to add to or "", text) of each code block, by its first line."""
    found = re.findall(r"```(?:python|toml)\n# (in )?([\w./]+)(?:, (\w+))?\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(found) == DOCUMENT.count("```") // 2
    return [(path, name, text) for _, path, name, text in found]


def add(path: Path, name: str, text: str) -> None:
    """Write a file, or add to its end, or add lines to the end of the first bracket of this name."""
    if not name:
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(text)
        return
    lines = path.read_text().splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if re.match(rf"\s*{name}\b.*[{{(\[]$", line))
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    end = next(i for i, line in enumerate(lines) if i > start and re.match(rf"{indent}[}})\]]", line))
    path.write_text("".join([*lines[:end], text, *lines[end:]]))


def move_a_server_to_it(settings: Path) -> None:
    """L2, an MT4 server of the sandbox with accounts, is reached through the new vendor."""
    before, place, after = settings.read_text().partition('name="L2"')
    after = after.replace('face="broker_work"', 'face="toy"', 1).replace("deposits=False", "deposits=True", 1)
    settings.write_text(before + place + after)


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the source tree with what the document adds."""
    for folder in FOLDERS:
        shutil.copytree(HOUSE / folder, tmp_path / folder, ignore=LEFT_OUT)
    for file in FILES:
        shutil.copy(HOUSE / file, tmp_path)
    for path, name, text in blocks():
        add(tmp_path / path, name, text)
    move_a_server_to_it(tmp_path / "sandbox/settings.py")
    return tmp_path


def run(tree: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "BROKERGRAPH"))}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tree,
        env=environment | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def product(root: Path) -> dict[str, str]:
    """The text of every module of the product."""
    found = [path for package in PACKAGES for path in (root / package).rglob("*.py") if "source" not in path.parts]
    return {path.relative_to(root).as_posix(): path.read_text() for path in found}


def test_it_is_one_folder_and_one_line_of_the_registry(tree):
    before, after = product(HOUSE), product(tree)

    changed = [path for path, text in after.items() if before.get(path) != text and TOY not in path]
    assert changed == [REGISTRY]
    assert len(after[REGISTRY].splitlines()) == len(before[REGISTRY].splitlines()) + 1


def test_what_the_document_shows_keeps_the_rules_of_the_code(tree):
    written = [TOY, "sandbox/vendors/toy.py"]

    run(tree, "-m", "ruff", "check", *written)
    run(tree, "-m", "ruff", "format", "--check", *written)


def test_the_schema_names_it(tree):
    schema = run(tree, "-m", "api.cli", "schema")

    assert '"""Toy, which exists in this document."""\n  TOY\n' in schema
    assert schema.count("@upstream(system: TOY") == 3


@pytest.mark.timeout(300)
def test_it_keeps_the_contract_and_is_checked_and_asked(tree):
    told = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", CHOSEN, *CONTRACTS)

    assert int(re.search(r"(\d+) passed", told)[1]) > 60
