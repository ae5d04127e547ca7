"""The files of the embedded PostgreSQL: the cluster, its secret and the private folder of its socket."""

import asyncio
import hmac
import os
import secrets
import shutil
import signal
import tempfile
from hashlib import sha256
from pathlib import Path

from sandbox.launch_identity import OTHER_BINARIES, binaries, choose_identity, give, launched
from sandbox.settings import SANDBOX_ROLE

LONGEST_SOCKET_FOLDER_BYTES = 107 - len("/.s.PGSQL.65535")
"""The address of a socket has at most 107 bytes."""


class PostgresError(RuntimeError):
    """The database did not start. The message has the reason."""


class Cluster:
    """The cluster in a data folder. Outside of the folder, `prepare` creates at most one folder for the socket."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / "postgres"
        self.log = data / "postgres.log"
        self.identity = "self"
        self.sockets = Path()
        self._secret = ""

    async def prepare(self) -> None:
        self._secret = _secret_of(self.data)
        new = self._start_afresh() if not self.folder.exists() else None
        self.identity = await choose_identity(new or self.folder)
        self.sockets = self._make_socket_folder()
        if new is not None:
            await self._initialise(new)
            new.rename(self.folder)

    def leave(self) -> None:
        if self.sockets.name:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def password_of(self, role: str) -> str:
        """The password of a role, which is derived from the secret of the data folder."""
        return hmac.digest(self._secret.encode(), role.encode(), sha256).hex()[:32]

    def command(self, program: str, *arguments: str, death: signal.Signals, folder: Path | None = None) -> list[str]:
        """The command line of a program of PostgreSQL, with the identity that works on this system."""
        return launched(self.identity, folder or self.folder, [str(binaries() / program), *arguments], death)

    def _start_afresh(self) -> Path:
        """Remove the files of a killed start. A complete cluster is renamed to its name, so that a cluster is never
        incomplete.
        """
        new = self.data / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        return new

    async def _initialise(self, new: Path) -> None:
        password = self.sockets / "password"
        _write_private(password, self.password_of(SANDBOX_ROLE))
        give(password, self.identity)
        options = ["-D", str(new), "-U", SANDBOX_ROLE, f"--pwfile={password}", "--encoding=UTF8"]
        options += ["--no-sync", "--no-instructions", "--auth=scram-sha-256", *_options_of_version()]
        process = await asyncio.create_subprocess_exec(
            *self.command("initdb", *options, death=signal.SIGKILL, folder=new),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=new,
            env=environment(),
        )
        output, _ = await process.communicate()
        password.unlink()
        if process.returncode != 0:
            raise PostgresError(f"initdb failed in {new}:\n{output.decode(errors='replace')}")

    def _make_socket_folder(self) -> Path:
        """The folder of the socket: in the data folder if its path is short enough, otherwise a new folder.

        The name of a new folder is stored, so that the next start after a kill removes the folder.
        """
        folder, note = self.data / "sockets", self.data / "sockets.elsewhere"
        shutil.rmtree(folder, ignore_errors=True)
        if note.exists():
            shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
            note.unlink()
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER_BYTES:
            folder.mkdir(mode=0o700)
        else:
            folder = Path(tempfile.mkdtemp(prefix="brokergraph-"))
            note.write_text(str(folder), encoding="utf-8")
        give(folder, self.identity)
        return folder


def _options_of_version() -> list[str]:
    """Options that PostgreSQL has only since version 17. Another installation may be older."""
    if OTHER_BINARIES in os.environ:
        return ["--locale=C.UTF-8"]
    # One round of hashing is enough for long random passwords, and keeps connections quick.
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--set=scram_iterations=1"]


def environment() -> dict[str, str]:
    """The environment of the server. It has no PGDATA, PGPORT or similar variable of the user's shell."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _secret_of(data: Path) -> str:
    path = data / "postgres.secret"
    if not path.exists():
        _write_private(path, secrets.token_hex(32))
    return path.read_text(encoding="ascii")


def _write_private(path: Path, text: str) -> None:
    path.touch(0o600, exist_ok=False)
    path.write_text(text, encoding="ascii")
