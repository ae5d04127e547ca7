"""The lock of a data folder, for one sandbox at a time."""

import asyncio
import fcntl
import os
from pathlib import Path

LEFTOVER_TIMEOUT_SECONDS = 15.0
_POLL_SECONDS = 0.02


class DataFolderInUseError(RuntimeError):
    """Another process works on this data folder."""


class DataFolderLock:
    """A lock on an open file. The kernel releases the lock as soon as its holder has ended."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: int | None = None

    async def acquire(self) -> None:
        file = os.open(self._data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._claim(file)
            await self._wait_for_leftover()
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def _claim(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            text = f"The data folder {self._data} is in use by process {holder}: stop it, or choose another folder"
            raise DataFolderInUseError(text) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)

    async def _wait_for_leftover(self) -> None:
        """Wait for the server of a killed sandbox, which needs a moment to notice the kill and to end."""
        marker = self._data / "postgres" / "postmaster.pid"
        deadline = asyncio.get_running_loop().time() + LEFTOVER_TIMEOUT_SECONDS
        while (pid := _server_of(marker)) is not None:
            if asyncio.get_running_loop().time() > deadline:
                raise DataFolderInUseError(f"The data folder {self._data} is in use by PostgreSQL process {pid}")
            await asyncio.sleep(_POLL_SECONDS)

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _server_of(marker: Path) -> int | None:
    """The postmaster of the pid file, if it is alive. The number may belong to another program now."""
    try:
        pid = int(marker.read_text(encoding="utf-8", errors="replace").splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    return pid if b"postgres" in command.split(b"\0")[0] else None
