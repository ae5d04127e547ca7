"""A checkout and a Python are enough, with make and without."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.served import HOUSE

PACKAGES = ("api", "core", "engine", "instructions", "resolvers", "sandbox", "upstreams")
FILES = ("pyproject.toml", "requirements.lock", "README.md", "Makefile", "scripts")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """What a fresh clone holds, as far as starting it goes."""
    for name in (*PACKAGES, *FILES):
        if (HOUSE / name).is_dir():
            shutil.copytree(HOUSE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(HOUSE / name, tmp_path / name)
    return tmp_path


def run(*command: str, cwd: Path, **variables: str) -> str:
    environment = {**os.environ, **variables}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def version(program: Path) -> str:
    return run(str(program), "--version", cwd=program.parent)


@pytest.mark.timeout(300)
def test_plain_venv_and_pip_will_do(checkout):
    """The very lines of the README, whatever their number."""
    shown = (HOUSE / "README.md").read_text()
    steps = [
        step.strip() for step in re.findall(r"^(python3 -m venv .*?|\S+/pip install .*?)(?:#.*)?$", shown, re.MULTILINE)
    ]
    assert len(steps) >= 2, "README.md shows no way with venv and pip"

    for step in steps:
        # The bytecode of all packages takes as long as all else, and is needed by none of these steps.
        run("sh", "-euc", re.sub("^python3", sys.executable, step), cwd=checkout, PIP_NO_COMPILE="1")

    program = next(checkout.glob("*/bin/brokergraph"), None) or next(checkout.glob(".*/bin/brokergraph"))
    assert version(program).startswith("brokergraph, version ")


def test_make_installs_once_and_again_only_when_the_lock_has_changed(checkout):
    first = run("make", "--no-print-directory", ".venv/.installed", f"PYTHON={sys.executable}", cwd=checkout)
    stamp = (checkout / ".venv/.installed").stat().st_mtime_ns
    run("make", ".venv/.installed", f"PYTHON={sys.executable}", cwd=checkout)
    unchanged = (checkout / ".venv/.installed").stat().st_mtime_ns
    # Newer by more than the file system's clock can miss.
    os.utime(checkout / "requirements.lock", ns=(stamp + 10**7, stamp + 10**7))
    run("make", ".venv/.installed", f"PYTHON={sys.executable}", cwd=checkout)

    assert version(checkout / ".venv/bin/brokergraph").startswith("brokergraph, version ")
    assert first == ""
    assert unchanged == stamp
    assert (checkout / ".venv/.installed").stat().st_mtime_ns > stamp


@pytest.mark.timeout(300)
def test_without_uv_one_is_put_into_the_checkout(checkout, tmp_path_factory):
    basics = tmp_path_factory.mktemp("basics")
    for name in ("sh", "dirname", "rm", "mkdir", "env"):
        (basics / name).symlink_to(shutil.which(name))

    printed = run("/bin/sh", "scripts/uv.sh", cwd=checkout, PATH=str(basics), PYTHON=sys.executable)

    uv = Path(printed.strip())
    assert uv.is_relative_to(checkout / ".uv")
    assert run(str(uv), "--version", cwd=checkout).startswith("uv ")


def test_a_python_with_neither_pip_nor_ensurepip_is_told_what_to_install(checkout, tmp_path_factory):
    basics = tmp_path_factory.mktemp("basics")
    for name in ("sh", "dirname", "rm"):
        (basics / name).symlink_to(shutil.which(name))
    (basics / "bare").write_text("#!/bin/sh\nexit 1\n")
    (basics / "bare").chmod(0o755)

    environment = {"PATH": str(basics), "PYTHON": str(basics / "bare")}
    done = subprocess.run(
        ["/bin/sh", "scripts/uv.sh"], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_a_python_that_is_too_old_is_refused(checkout, tmp_path_factory):
    old = tmp_path_factory.mktemp("old") / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    done = subprocess.run(["make", "demo", f"PYTHON={old}"], cwd=checkout, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "brokergraph needs Python 3.11 or newer" in done.stderr
