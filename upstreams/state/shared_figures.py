"""The live figures that streams watch, shared by all processes: in each interval one process reads a trading server.

Invariants:
- The process with the turn reads the keys of all processes. The others read what it has stored.
- A key that has no stored figures yet is read at once by the process that watches it.
- If the state database fails, each process reads the trading server itself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from core.errors import Misunderstood, Reason, Rejected, System, Unavailable, UpstreamError
from core.outage import Outage
from core.records import LiveAccountRecord
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

LiveValue = LiveAccountRecord | UpstreamError | None
Source = Callable[[Sequence[str]], Awaitable[Mapping[str, LiveValue]]]

_sql = read_statements("state/shared_figures.sql")
_log = structlog.get_logger(__name__)
_SECONDS: Final = 5.0
_ERRORS: Final = {error.__name__: error for error in (Unavailable, Rejected, Misunderstood)}


class _Failure(msgspec.Struct, frozen=True):
    kind: str
    message: str
    system: System
    name: str
    reason: Reason
    code: str | None
    retry_after_seconds: float | None


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value as JSON. Neither member: the trading server does not know the login."""

    record: LiveAccountRecord | None = None
    failure: _Failure | None = None


class SharedFigures:
    """The store in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outage = Outage(_log, "figures.not_shared", "figures.shared_again")

    async def fetch(self, poll: str, logins: Sequence[str], seconds: float, source: Source) -> Mapping[str, LiveValue]:
        """The figures of the logins, from the source or as another process has stored them."""
        try:
            found = await self._fetch(poll, logins, seconds, source)
        except UpstreamError as error:
            self._outage.failed(detail=error.detail)
            return await source(logins)
        self._outage.succeeded()
        return found

    async def forget(self) -> None:
        """Remove old rows. Raises UpstreamError."""
        await self._database.write(_sql.forget, seconds=_SECONDS)

    async def _fetch(self, poll: str, logins: Sequence[str], seconds: float, source: Source) -> Mapping[str, LiveValue]:
        turn = await self._database.write(_sql.take_turn, poll, logins, seconds, seconds=_SECONDS)
        if turn:
            return await self._read_and_store(poll, [row["key"] for row in turn], source)
        rows = await self._database.write(_sql.read, poll, logins, seconds, seconds=_SECONDS)
        found = {row["key"]: _decoded(row["value"]) for row in rows}
        missing = [login for login in logins if login not in found]
        return found | await self._read_and_store(poll, missing, source) if missing else found

    async def _read_and_store(self, poll: str, logins: Sequence[str], source: Source) -> dict[str, LiveValue]:
        found = dict(await source(logins))
        values = [_encoded(found[login]) for login in logins]
        await self._database.write(_sql.store, poll, logins, values, seconds=_SECONDS)
        return found


def _encoded(value: LiveValue) -> str:
    if isinstance(value, UpstreamError):
        kind = type(value).__name__ if type(value).__name__ in _ERRORS else Unavailable.__name__
        facts = (value.message, value.system, value.name, value.reason, value.upstream_code, value.retry_after_seconds)
        return msgspec.json.encode(_Stored(failure=_Failure(kind, *facts))).decode()
    return msgspec.json.encode(_Stored(record=value)).decode()


def _decoded(text: str) -> LiveValue:
    stored = msgspec.json.decode(text, type=_Stored)
    if stored.failure is None:
        return stored.record
    failure = stored.failure
    return _ERRORS[failure.kind](
        failure.message,
        system=failure.system,
        name=failure.name,
        reason=failure.reason,
        upstream_code=failure.code,
        retry_after_seconds=failure.retry_after_seconds,
    )
