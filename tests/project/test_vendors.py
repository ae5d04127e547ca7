"""A vendor is one folder and one line of the registry."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from upstreams.vendors.registry import VENDORS

HOUSE = Path(__file__).parents[2]
PACKAGES = ("api", "resolvers", "instructions", "engine", "upstreams", "core")
REGISTRY = "upstreams/vendors/registry.py"
OURS = (*PACKAGES, "sandbox")


def folder_of(section: str) -> Path:
    return HOUSE / VENDORS[section].replace(".", "/")


def spelling(section: str) -> re.Pattern[str]:
    """broker_work, BrokerWork, BROKER_WORK, "Broker Work"."""
    return re.compile(section.replace("_", "[ _-]?"), re.IGNORECASE)


@pytest.mark.parametrize("section", VENDORS)
def test_a_vendors_name_stands_in_its_folder_and_in_the_registry_alone(section):
    name, own = spelling(section), folder_of(section)
    sources = [path for package in PACKAGES for path in (HOUSE / package).rglob("*.py")]

    naming = [path for path in sources if own not in path.parents and name.search(path.read_text())]

    assert [path.relative_to(HOUSE).as_posix() for path in naming] == [REGISTRY]


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


@pytest.mark.parametrize("section", VENDORS)
def test_a_vendors_folder_knows_the_kit_and_what_lies_below_it(section):
    allowed = (VENDORS[section], "upstreams.vendors.kit", "upstreams.http", "core")
    modules = set().union(*(imported(path) for path in folder_of(section).rglob("*.py")))
    ours = {module for module in modules if module.split(".")[0] in OURS}

    assert {module for module in ours if not f"{module}.".startswith(tuple(f"{one}." for one in allowed))} == set()


def test_help_is_told_without_any_vendor():
    program = "import sys, api.cli; print(*(name for name in sys.modules if name.startswith('upstreams')))"

    told = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True)

    assert told.stdout.strip() == ""
