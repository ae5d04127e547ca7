"""The Idempotency-Key of v2 [D, C-py readme, C-spec].

- An answer in time is stored for one minute.
- After OutcomeUnknown the real result, or the fact that it is not known, is stored for one hour.
- While the first request runs, a second request is not executed and gets `in-progress`.
- The same key with another body is not documented. We answer Validation [I].
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from sandbox.settings import CPLUGIN_CLIENT_ID
from sandbox.vendors.cplugin.envelope import BusinessError, Envelope, failure
from sandbox.vendors.state import Connection, Executor, VendorState

MAX_KEY_LENGTH: Final = 255
ANSWERED_LIFE = timedelta(minutes=1)
DOUBTFUL_LIFE = timedelta(hours=1)

# Take the key if it is free. A row after its time counts as free.
_TAKE = """
    INSERT INTO platform.idempotency_key AS taken (connection, key, body_sha256, status, touched_at)
    VALUES ($1, $2, $3, 'running', $4)
    ON CONFLICT (connection, key) DO UPDATE
    SET body_sha256 = excluded.body_sha256, status = 'running', answer = NULL, touched_at = excluded.touched_at
    WHERE taken.touched_at < $4 - CASE taken.status WHEN 'answered' THEN $5::interval ELSE $6::interval END
    RETURNING true
"""
# The row of a taken key.
_READ = "SELECT body_sha256, status, answer FROM platform.idempotency_key WHERE connection = $1 AND key = $2"
# Store the answer in the operation's own transaction, so that neither exists without the other.
_KEEP = """
    UPDATE platform.idempotency_key SET status = $3, answer = $4, touched_at = $5 WHERE connection = $1 AND key = $2
"""
# Free a key, because its request was refused before anything was done.
_FREE = "DELETE FROM platform.idempotency_key WHERE connection = $1 AND key = $2"

Operation = Callable[[Connection], Awaitable[Envelope]]

_late: set["asyncio.Task[None]"] = set()
"""Operations that still run after their caller got OutcomeUnknown."""


def still_running() -> BusinessError:
    text = "A request with the same Idempotency-Key is still being processed."
    return BusinessError("OutcomeUnknown", text, outcome="in-progress")


def nobody_knows() -> BusinessError:
    return BusinessError("OutcomeUnknown", "The trade server did not answer in time.")


@dataclass(frozen=True, slots=True)
class Key:
    """The key of one request. Without a key each request is executed."""

    state: VendorState
    text: str | None
    body_sha256: bytes

    @classmethod
    def of(cls, state: VendorState, text: str | None, path: str, body: bytes) -> "Key":
        if text is not None and not (0 < len(text) <= MAX_KEY_LENGTH and text.isascii() and text.isprintable()):
            raise BusinessError("Validation", "Idempotency-Key must be 1 to 255 printable ASCII characters.")
        return cls(state, text, sha256(path.lower().encode() + b"\n" + body).digest())

    async def take(self) -> Envelope | None:
        """None if the request may run, otherwise its answer."""
        if self.text is None:
            return None
        for _ in range(2):
            if await self._insert():
                return None
            row = await self.state.pool.fetchrow(_READ, CPLUGIN_CLIENT_ID, self.text)
            if row is not None:
                return self._instead(row)
        raise still_running()

    async def _insert(self) -> bool:
        now = self.state.clock.now()
        arguments = (CPLUGIN_CLIENT_ID, self.text, self.body_sha256, now, ANSWERED_LIFE, DOUBTFUL_LIFE)
        return bool(await self.state.pool.fetchval(_TAKE, *arguments))

    def _instead(self, row: Any) -> Envelope:
        if row["status"] == "running":
            raise still_running()
        if row["body_sha256"] != self.body_sha256:
            raise BusinessError("Validation", "Idempotency-Key was used with another request.")
        if row["answer"] is None:
            raise nobody_knows()
        return Envelope(row["answer"])

    async def run(self, operation: Operation, kept_as: str = "answered") -> Envelope:
        """Run the operation and store its answer, in one transaction."""
        try:
            async with self.state.pool.acquire() as connection, connection.transaction():
                envelope = await operation(connection)
                await self._keep(connection, kept_as, envelope.text)
        except BusinessError as error:
            if error.code != "MT4Error":
                await self.free()
                raise
            # A refusal of the trading server is also an answer and is stored for the key.
            envelope = failure(error)
            await self._keep(self.state.pool, kept_as, envelope.text)
        except BaseException:
            await self.free()
            raise
        return envelope

    async def run_late(self, operation: Operation, seconds: float) -> None:
        """Run the operation after its caller got OutcomeUnknown, like a slow trading server."""
        # A reset ends the wait, and the operation then runs.
        released = self.state.switchboard["cplugin"].released

        async def later() -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(released.wait(), seconds)
            await self.run(operation, "unknown")

        task = asyncio.create_task(later())
        _late.add(task)
        task.add_done_callback(_late.discard)

    async def doubt(self) -> None:
        """Leave the key taken, because the outcome will never be known."""
        await self._keep(self.state.pool, "unknown", None)

    async def _keep(self, connection: Executor, status: str, answer: str | None) -> None:
        if self.text is not None:
            now = self.state.clock.now()
            await connection.execute(_KEEP, CPLUGIN_CLIENT_ID, self.text, status, answer, now)

    async def free(self) -> None:
        if self.text is not None:
            await self.state.pool.execute(_FREE, CPLUGIN_CLIENT_ID, self.text)
