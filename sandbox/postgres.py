"""The embedded PostgreSQL, with the binaries of a package.

- It starts for root and for an ordinary user, and changes neither users nor permissions of other folders.
- It listens on a socket in a private folder and on loopback, and always asks for a password.
- It ends when this process ends, for any reason.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args
from urllib.parse import quote

from sandbox.launch_identity import OTHER_BINARIES
from sandbox.postgres_cluster import Cluster, PostgresError, environment
from sandbox.postgres_lock import DataFolderLock
from sandbox.processes import children_of, gone
from sandbox.settings import DATABASE, SANDBOX_ROLE

StopMode = Literal["smart", "fast", "immediate", "kill"]
MODES: tuple[StopMode, ...] = get_args(StopMode)

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.01
_PID_FILE_LINES = 8
_PORTS = range(12_000, 20_000)
_SIGNALS: Mapping[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
    "kill": signal.SIGKILL,
}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    # Shared memory is in the data folder, because /dev/shm is small in containers and keeps the memory of killed
    # servers.
    "dynamic_shared_memory_type": "mmap",
}
# The server of the package has no replica. Without a feature of version 18 three fewer processes run, and the start is
# quicker.
_OF_PACKAGE = {"wal_level": "minimal", "max_wal_senders": "0", "io_method": "sync"}
# After a kill the system's cache still has all committed data, because synchronous_commit is on.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """Runs in `async with Postgres(folder) as pg`, at the address `pg.url`.

    Enter the context in the thread that lives longest, because the kernel treats the end of this thread as the parent's
    end.
    """

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self._data = data.absolute()
        self._durable = durable
        self._cluster = Cluster(self._data)
        self._lock = DataFolderLock(self._data)
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._lock.acquire()
        try:
            await self._cluster.prepare()
            self.port = _free_port()
            await self.start()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        try:
            await self.stop("fast")
        finally:
            self._cluster.leave()
            self._lock.release()

    # Addresses

    @property
    def url(self) -> str:
        """The address for the sandbox itself, over the private socket."""
        return self.url_of(SANDBOX_ROLE)

    def url_of(self, role: str, database: str = DATABASE) -> str:
        """An address for libpq and asyncpg, over the private socket."""
        return (
            f"{self._before_host(role)}/{database}?host={quote(str(self._cluster.sockets), safe='')}&port={self.port}"
        )

    def tcp_url_of(self, role: str, database: str = DATABASE) -> str:
        """An address over loopback TCP, where the server asks for the password."""
        return f"{self._before_host(role)}127.0.0.1:{self.port}/{database}"

    def _before_host(self, role: str) -> str:
        return f"postgresql://{role}:{self.password_of(role)}@"

    def password_of(self, role: str) -> str:
        return self._cluster.password_of(role)

    @property
    def identity(self) -> str:
        """The identity of the server, as launch.py names it."""
        return self._cluster.identity

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    # Life

    async def start(self) -> None:
        """Start the server and wait until it takes connections."""
        assert self._process is None
        log = os.open(self._cluster.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._cluster.command("postgres", *self._options(), death=signal.SIGQUIT),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._cluster.folder,
                env=environment(),
                start_new_session=True,  # This process handles Ctrl-C and stops the server itself.
            )
        finally:
            os.close(log)
        await self._wait_until_ready(self._process)

    async def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server. `fast` writes all data. After `immediate` and `kill` the next start recovers it."""
        process, self._process = self._process, None
        if process is None:
            return
        family = children_of(process.pid)
        for step in (mode, "immediate", "kill"):
            if process.returncode is None:
                process.send_signal(_SIGNALS[step])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_SECONDS)
                break
        # Orphans of a killed server hold its shared memory, so that the next start would fail.
        await gone(family, within_seconds=STOP_TIMEOUT_SECONDS)

    async def restart(self, mode: StopMode = "fast") -> None:
        """Stop the server and start it at the same addresses."""
        await self.stop(mode)
        await self.start()

    def _options(self) -> list[str]:
        settings = _SETTINGS | ({} if OTHER_BINARIES in os.environ else _OF_PACKAGE)
        settings |= {} if self._durable else _NOT_DURABLE
        settings |= {"port": str(self.port), "unix_socket_directories": str(self._cluster.sockets)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ["-D", str(self._cluster.folder), *options]

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        marker = self._cluster.folder / "postmaster.pid"
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT_SECONDS
        while not _says_ready(marker, process.pid):
            if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                await self.stop("immediate")
                raise PostgresError(f"PostgreSQL did not start in {self._data}:\n{self._end_of_log()}")
            await asyncio.sleep(_POLL_SECONDS)

    def _end_of_log(self) -> str:
        text = self._cluster.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-10:])


def _says_ready(marker: Path, pid: int) -> bool:
    """Whether the postmaster has written that it is ready, in the last line of its pid file."""
    try:
        lines = marker.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) == _PID_FILE_LINES and lines[0].strip() == str(pid) and lines[-1].strip() == "ready"


def _free_port() -> int:
    """A free port below the range of ports that the system assigns, because an assigned port could be taken while the
    server is down.
    """
    while True:
        port = random.randrange(_PORTS.start, _PORTS.stop)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
