"""A read replica of a database: which reads it answers, and what keeps these answers right (docs/operations.md).

Invariants, for any number of processes:
- A read goes to the replica only if its call may lag. Such calls are those of queries (core/call.py).
- No read goes to the replica unless the replica has proven that it had everything at most `lag_seconds` ago. The proof
  is a position of the primary's log that the replica has applied.
- The answer to a mutation waits until the replica has applied the mutation. If it does not in time, the process closes
  the replica in the state database, and waits until the last proof of every process is too old. A replica that opens
  again has the mutation, because its proof is newer.
- Every failed read is repeated at the primary.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, NoReturn

import asyncpg
import structlog
from msgspec.structs import replace

from core.call import Call
from core.clock import Clock
from core.errors import DatabaseFailure, UpstreamError
from core.outage import Outage
from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.postgres.failures import ERRORS, classify
from upstreams.postgres.replica_proof import NEVER, Proof, read_applied, read_written
from upstreams.postgres.sql import read_statements

_sql = read_statements("postgres/replica.sql")
_log = structlog.get_logger(__name__)

PROBE_SECONDS: Final = 1.0
# A statement of the probe takes milliseconds. After this time the server counts as absent.
_PROBE_TIMEOUT_SECONDS: Final = 1.0
# How long the answer to a mutation waits before the replica is closed.
_PATIENCE_SECONDS: Final = 1.0
_PAUSES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
# A closed replica stays closed for this many times `lag_seconds`.
_CLOSED_TIMES: Final = 6
# A hanging replica leaves this part of the caller's time to the primary.
_SHARE: Final = 0.5


class Replica:
    """The replica of the database `of`. It is used while `watch` runs. The probe has its own connections, because a
    busy pool is no lag. `state` has the table in which the replica is closed for all processes.
    """

    def __init__(self, of: Database, state: Database, url: Secret, lag_seconds: float, clock: Clock) -> None:
        self.label = of.label
        self.reads: Counter[str] = Counter(replica=0, primary=0)
        self.fallbacks: Counter[str] = Counter()
        self._of = of
        # The primary answers sooner than a replica to which a connection takes longer.
        seconds = min(of.config.connect_timeout_seconds, _PROBE_TIMEOUT_SECONDS)
        config = replace(of.config, url=url, connect_timeout_seconds=seconds)
        self.database = Database(config, label=f"{of.label}_REPLICA")
        self._probed = _for_probe(self.database.config, self.database.label)
        self._primary = _for_probe(of.config, of.label)
        self._state = self._primary if state is of else _for_probe(state.config, state.label)
        self._name = f"replica/{of.label}"
        self._lag_seconds = lag_seconds
        self._clock = clock
        self._outage = Outage(_log, "replica.left", "replica.used_again")
        self._proof = Proof()
        self._usable_until = NEVER
        self._closed_since = self._closed_until = NEVER

    async def aclose(self) -> None:
        for database in {self.database, self._probed, self._primary, self._state}:
            await database.close()

    @property
    def is_usable(self) -> bool:
        return self._clock.monotonic() < self._usable_until

    def lag_seconds(self) -> float:
        """The age of the newest proof. It is infinite before the first one."""
        return self._clock.monotonic() - self._proof.at

    async def read(
        self, statement: str, arguments: tuple[Any, ...], call: Call, keys: int
    ) -> list[asyncpg.Record] | None:
        """The rows from the replica; None: ask the primary."""
        rows = await self._attempt(statement, arguments, call, keys) if call.may_lag else None
        self.reads["primary" if rows is None else "replica"] += 1
        return rows

    async def _attempt(
        self, statement: str, arguments: tuple[Any, ...], call: Call, keys: int
    ) -> list[asyncpg.Record] | None:
        if not self.is_usable:
            self.fallbacks["left"] += 1
            return None
        call.tally.count(self.label, keys)
        try:
            pool = await self.database.pool()
            with call.tally.timed(self.label), call.span(self.label):
                return await pool.fetch(statement, arguments, call.deadline.remaining() * _SHARE)
        except (*ERRORS, ValueError, ArithmeticError) as error:
            self._fell_back(error)
            return None

    def _fell_back(self, error: Exception) -> None:
        reason = _reason(error)
        self.fallbacks[reason] += 1
        if reason == "unavailable":
            # The next probe finds out whether it was only this connection.
            self._usable_until = NEVER
        sqlstate = getattr(error, "sqlstate", None)
        _log.info("replica.fell_back", database=self.label, reason=reason, sqlstate=sqlstate)

    async def watch(self) -> NoReturn:
        """Probe the replica again and again. It ends by cancellation."""
        while True:
            await self._watch_once()
            await self._clock.sleep(PROBE_SECONDS)

    async def _watch_once(self) -> None:
        detail = "it lags, or it is closed for all processes"
        try:
            await self._probe()
        except UpstreamError as error:
            detail = error.detail
        except Exception:  # noqa: BLE001 - the next probe may succeed.
            _log.exception("replica.defect", database=self.label)
        if self.is_usable:
            self._outage.succeeded(database=self.label)
        else:
            self._outage.failed(database=self.label, detail=detail)
            await self._keep_closed()

    async def _probe(self) -> None:
        began = self._clock.monotonic()
        [row] = await self._state.write(_sql.closed, self._name, seconds=_PROBE_TIMEOUT_SECONDS)
        self._note_closed(began, row["seconds"])
        self._proof.sample(began, await read_written(self._primary, _PROBE_TIMEOUT_SECONDS))
        # Rendered statements depend on it, and the pool of the primary may have no connection yet.
        self._of.major = self._primary.major
        try:
            applied = await read_applied(self._probed, _PROBE_TIMEOUT_SECONDS)
        except UpstreamError:
            # Reads that wait for the replica's answer then go to the primary.
            self.database.terminate()
            raise
        self._proof.prove(applied)
        self._usable_until = NEVER if row["seconds"] else self._proof.at + self._lag_seconds

    def _note_closed(self, began: float, seconds: float) -> None:
        now = self._clock.monotonic()
        if now > self._closed_until:
            self._closed_since = now
        self._closed_until = began + seconds if seconds else NEVER

    async def _keep_closed(self) -> None:
        """While the replica is closed and not well, no mutation has to wait for it again."""
        left = self._closed_until - self._clock.monotonic()
        if 0 < left < self._lag_seconds * _CLOSED_TIMES / 2 and self.lag_seconds() > self._lag_seconds:
            with suppress(UpstreamError):
                await self._close()

    async def show_writes(self) -> None:
        """Return when no process reads from the replica what was there before this call. Raises nothing."""
        if self._is_left_by_all():
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._catch_up()
        except Exception as error:  # noqa: BLE001 - no defect may take the answer to a mutation from its caller.
            _log.warning("replica.closed", database=self.label, error=type(error).__name__)
            with suppress(Exception):
                await self._close()
            # Without an answer of the state database the other processes have no new proof either.
            await self._clock.sleep(self._lag_seconds)

    async def _catch_up(self) -> None:
        written = await read_written(self._primary, _PROBE_TIMEOUT_SECONDS)
        pauses = iter(_PAUSES)
        while True:
            applied = await read_applied(self._probed, _PROBE_TIMEOUT_SECONDS)
            if applied and applied.has(written):
                return
            await self._clock.sleep(next(pauses, _PAUSES[-1]))

    async def _close(self) -> None:
        self._usable_until = NEVER
        began, seconds = self._clock.monotonic(), self._lag_seconds * _CLOSED_TIMES
        await self._state.write(_sql.close, self._name, timedelta(seconds=seconds), seconds=_PROBE_TIMEOUT_SECONDS)
        self._note_closed(began, seconds)

    def _is_left_by_all(self) -> bool:
        """Whether the proofs from before the closing are too old, and those after it will be new enough."""
        now = self._clock.monotonic()
        return self._closed_since + self._lag_seconds < now < self._closed_until - self._lag_seconds


def _for_probe(config: DatabaseConfig, label: str) -> Database:
    small = replace(
        config,
        pool_size=1,
        connect_timeout_seconds=_PROBE_TIMEOUT_SECONDS,
        statement_timeout_seconds=_PROBE_TIMEOUT_SECONDS,
    )
    return Database(small, label=label)


def _reason(error: Exception) -> str:
    if isinstance(error, asyncpg.SerializationError):
        return "conflict"
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        return "timeout"
    if isinstance(error, ERRORS) and classify(error) is DatabaseFailure.LOST:
        return "unavailable"
    return "other"
