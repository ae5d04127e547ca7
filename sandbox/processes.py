"""Functions that ask the kernel about processes."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

_POLL_SECONDS = 0.02


def is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie does not run: it waits for a reaper, which containers often lack."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in text.split()]


def family_of(pid: int) -> list[int]:
    """The process and all its descendants."""
    return [pid, *(member for child in children_of(pid) for member in family_of(child))]


async def gone(pids: Iterable[int], *, within_seconds: float) -> list[int]:
    """Wait for processes that are not our children. Returns the processes that are still alive."""
    deadline = asyncio.get_running_loop().time() + within_seconds
    while left := [pid for pid in pids if is_alive(pid)]:
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_POLL_SECONDS)
    return left
