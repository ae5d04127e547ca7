import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOUSE = Path(__file__).parents[2]
LOCK = (HOUSE / "requirements.lock").read_text()
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())
PIN = re.compile(r"^([A-Za-z0-9].*?) \\$", re.MULTILINE)


def pins() -> list[Requirement]:
    return [Requirement(line) for line in PIN.findall(LOCK)]


def locked() -> dict[str, Requirement]:
    """By name. A package with a version for each of several Pythons is here with that for the newest."""
    return {canonicalize_name(pin.name): pin for pin in pins()}


def wanted() -> list[Requirement]:
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    lines = [*project["dependencies"], *extras, *PROJECT["dependency-groups"]["dev"]]
    return [Requirement(line) for line in [*lines, *PROJECT["build-system"]["requires"]]]


def test_the_lock_holds_a_version_that_will_do_for_everything_that_the_project_names():
    known = locked()

    lacking = [str(one) for one in wanted() if canonicalize_name(one.name) not in known]
    assert lacking == []
    versions = {name: next(iter(pin.specifier)).version for name, pin in known.items()}
    unfit = [str(one) for one in wanted() if not one.specifier.contains(versions[canonicalize_name(one.name)])]
    assert unfit == []


def test_uv_run_meets_the_versions_of_the_lock():
    constraints = PROJECT["tool"]["uv"]["constraint-dependencies"]

    assert [str(Requirement(line)) for line in constraints] == [str(pin) for pin in pins()]


def test_every_version_is_exact_and_every_artifact_has_a_hash():
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())

    assert len(blocks) == len(pins()) > 50
    assert [pin.name for pin in pins() if pin.name in twice() and pin.marker is None] == []
    assert [block for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


def twice() -> set[str]:
    names = [pin.name for pin in pins()]
    return {name for name in names if names.count(name) > 1}


def test_the_lock_names_no_registry():
    assert [line for line in LOCK.splitlines() if "://" in line or line.startswith("-") or "@" in line] == []
    assert not (HOUSE / ".python-version").exists()
    assert "uv.lock" in (HOUSE / ".gitignore").read_text().split()


def test_the_demo_runs_from_the_development_environment():
    extra = PROJECT["project"]["optional-dependencies"]["sandbox"]

    assert [line for line in extra if line not in PROJECT["dependency-groups"]["dev"]] == []
