"""Is the server of `replica_url` a streaming replica of the database that works?"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

from core.errors import UpstreamError
from upstreams.check.findings import CORRECT, Finding, Findings, describe_database_error, note, ok, wrong
from upstreams.postgres.database import Database
from upstreams.postgres.replica_proof import Position, read_applied, read_written

_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_ADVICE = "docs/operations.md (Read replicas) says what the address must be."


class CheckedReplica(NamedTuple):
    """`setting` names the address of the replica `database`, which may lag for these seconds."""

    setting: str
    primary: Database
    database: Database
    lag_seconds: float


async def check_replica(replica: CheckedReplica) -> Findings:
    """Says nothing where the primary is away."""
    try:
        written = await read_written(replica.primary, _SECONDS)
    except UpstreamError:
        return
    try:
        applied = await _applied(replica, written)
    except UpstreamError as error:
        yield wrong(replica.setting, describe_database_error(error, replica.database.config.url), CORRECT)
        return
    for finding in _compared(replica, written, applied):
        yield finding


async def _applied(replica: CheckedReplica, written: Position) -> Position | None:
    """What the replica has applied after the time in which it must have everything."""
    deadline = asyncio.get_running_loop().time() + replica.lag_seconds
    while True:
        applied = await read_applied(replica.database, _SECONDS)
        is_late = applied is not None and applied.lsn < written.lsn
        if not is_late or asyncio.get_running_loop().time() > deadline:
            return applied
        await asyncio.sleep(_PAUSE_SECONDS)


def _compared(replica: CheckedReplica, written: Position, applied: Position | None) -> Iterator[Finding]:
    if applied is None:
        yield wrong(replica.setting, "is no replica, because the server is not in recovery", _ADVICE)
    elif applied.system != written.system:
        yield wrong(replica.setting, "is a replica of another server", _ADVICE)
    elif applied.timeline != written.timeline:
        what = f"has timeline {applied.timeline}, the primary {written.timeline}; it is not used"
        yield note(replica.setting, what, "Run CHECKPOINT at the primary, then at the replica, if it follows it.")
    elif not applied.has(written):
        what = f"has not applied in {replica.lag_seconds:g} s what the primary had written; it is not used"
        yield note(replica.setting, what, "Look for a long read or a paused replay at the replica.")
    else:
        yield ok(replica.setting, "a replica of the primary")
