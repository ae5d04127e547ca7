"""The sessions of streams: a stream ends when its key or token does, or when the rights of its key change.

All keys of a process are read again every second, in one statement.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from api.identity.api_keys import caller_of_key
from api.identity.authenticator import Identities, key_hash_of
from core.clock import Clock
from core.outage import Outage
from resolvers.context import Caller
from upstreams.state.api_keys import KeyRecord, KeyStore

log = structlog.get_logger(__name__)

_EVERY_SECONDS: Final = 0.5


class EndReason(StrEnum):
    """Why a stream ended. It is a label of the metrics."""

    COMPLETED = "completed"
    REFUSED = "refused"
    BEHIND = "behind"
    RESET = "reset"
    FAILED = "failed"
    UNSUBSCRIBED = "unsubscribed"
    DISCONNECTED = "disconnected"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SHUTDOWN = "shutdown"


class Session:
    """The caller of one connection, and the tasks of its streams."""

    def __init__(self, caller: Caller, key_hash: bytes | None, ends_at: datetime) -> None:
        self.caller = caller
        self.key_hash = key_hash
        self.ends_at = ends_at
        self.end: EndReason | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.on_end: Callable[[], object] = lambda: None

    def finish(self, reason: EndReason) -> None:
        """End all streams. The first reason counts."""
        if self.end is None:
            self.end = reason
            for task in self.tasks:
                task.cancel()
            self.on_end()


class Sessions:
    """The open sessions of the process."""

    def __init__(self, identities: Identities, keys: KeyStore, clock: Clock, longest: timedelta) -> None:
        self._identities = identities
        self._keys = keys
        self._clock = clock
        self._longest = longest
        self._open: set[Session] = set()

    async def open(self, authorization: str | None) -> Session:
        """A session of this caller. Raises Unauthenticated or IdentityUnknown."""
        caller = await self._identities.caller(authorization)
        longest = self._clock.now() + self._longest
        ends_at = longest if caller.expires_at is None else min(caller.expires_at, longest)
        session = Session(caller, key_hash_of(authorization), ends_at)
        self._open.add(session)
        return session

    def close(self, session: Session) -> None:
        self._open.discard(session)

    async def watch(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """End sessions whose time or rights are over, until cancelled."""
        await Outage(log, "sessions.not_checked", "sessions.checked_again").repeat(self.check, pause, _EVERY_SECONDS)

    async def check(self) -> None:
        """End the sessions whose time or rights are over. Raises UpstreamError."""
        now = self._clock.now()
        for session in [one for one in self._open if one.ends_at <= now]:
            session.finish(EndReason.EXPIRED)
        digests = {one.key_hash for one in self._open if one.key_hash is not None}
        if not digests:
            return
        valid = await self._keys.valid(sorted(digests))
        for session in [one for one in self._open if one.key_hash in digests and not _is_same(one, valid)]:
            session.finish(EndReason.REVOKED)


def _is_same(session: Session, valid: dict[bytes, KeyRecord]) -> bool:
    """Whether the session's key is valid and has the same rights."""
    record = valid.get(session.key_hash or b"")
    return record is not None and caller_of_key(record) == session.caller
