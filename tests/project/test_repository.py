"""Files that programs and newcomers look for: hooks, the glossary, decisions, links between documents."""

import ast
import re
from pathlib import Path

import yaml

HOUSE = Path(__file__).parents[2]
HOOKS = yaml.safe_load((HOUSE / ".pre-commit-config.yaml").read_text())["repos"]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    text = (HOUSE / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None
    return [line.strip() for line in found[1].splitlines()]


def test_the_hooks_before_a_commit_are_the_commands_of_make_lint():
    assert [hook["entry"] for one in HOOKS for hook in one["hooks"]] == recipe("lint")


def test_the_hooks_use_the_installed_environment_and_download_nothing():
    assert {one["repo"] for one in HOOKS} == {"local"}
    assert {hook["language"] for one in HOOKS for hook in one["hooks"]} == {"system"}


def terms() -> list[list[str]]:
    lines = (HOUSE / "docs" / "glossary.md").read_text().splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")][1:]


def test_the_glossary_has_each_term_once_in_one_line_and_in_order():
    names = [cells[0] for cells in terms()]

    assert names == sorted(set(names), key=lambda name: name.lower().replace("-", " "))
    assert [cells for cells in terms() if len(cells) != 3 or not cells[1]] == []


def test_a_decision_fits_on_a_page_and_is_in_the_list():
    folder = HOUSE / "docs" / "decisions"
    records = sorted(path for path in folder.glob("[0-9]*.md"))

    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert [path.name for path in records] == listed
    assert [path.name for path in records[2:] if len(path.read_text().splitlines()) > 40] == []
    headings = ["## Context", "## Decision", "## Alternatives", "## Consequences"]
    odd = [path.name for path in records[2:] if re.findall(r"^## .*", path.read_text(), re.MULTILINE) != headings]
    assert odd == []


def links() -> list[tuple[str, str]]:
    """Each link of a document to a file of ours."""
    documents = [*HOUSE.glob("*.md"), *HOUSE.glob("docs/**/*.md")]
    found = ((path, link) for path in documents for link in re.findall(r"\]\(([^)#\s]+)", path.read_text()))
    return [(str(path), link) for path, link in found if "://" not in link]


def test_every_link_of_a_document_leads_to_a_file():
    assert [(path, link) for path, link in links() if not (Path(path).parent / link).exists()] == []


def test_no_text_stands_alone_within_a_function():
    """A line that begins with a literal is no part of the message above it, so that the message is cut off."""
    alone = []
    for package in ("api", "resolvers", "instructions", "engine", "upstreams", "core", "sandbox"):
        for path in sorted((HOUSE / package).rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    alone += [f"{path.relative_to(HOUSE)}:{node.lineno}" for node in texts_alone(function)]

    assert alone == []


def texts_alone(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Expr]:
    docstring = function.body[0]
    lines = [node for node in ast.walk(function) if isinstance(node, ast.Expr) and node is not docstring]
    return [line for line in lines if isinstance(line.value, ast.JoinedStr) or is_text(line.value)]


def is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
