"""The sequencer: gives the committed events of all instructions their numbers in the log.

Every process runs a sequencer, and the one with the lease works. A process that stalls and then works beside the next
holder of the lease does no harm, because the row lock of the log's head keeps them apart.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog

from core.clock import Clock
from core.errors import UpstreamError
from core.outage import Outage
from instructions.wake_up import WakeUp
from upstreams.state.instruction_log import InstructionLog

log = structlog.get_logger(__name__)

_LEASE_SECONDS: Final = 3.0
_RENEWED_AFTER_SECONDS: Final = 1.0
_FORGETS_EVERY_SECONDS: Final = 60.0


class Sequencer:
    """`numbered` is called after each commit that gave events their numbers."""

    def __init__(
        self,
        events: InstructionLog,
        clock: Clock,
        *,
        poll_seconds: float,
        retention: timedelta,
        numbered: Callable[[], None],
    ) -> None:
        self._log = events
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._retention = retention
        self._numbered = numbered
        self._pause = WakeUp()
        self._process = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
        self._is_leased = False
        self._asked_at = self._forgot_at = float("-inf")

    def wake(self) -> None:
        """End the current pause, because an event was committed."""
        self._pause.wake()

    async def run(self) -> None:
        """Number events until cancelled."""
        outage = Outage(log, "sequencer.numbers_nothing", "sequencer.numbers_again")
        try:
            await outage.repeat(self.work, self._pause.pause, self._poll_seconds)
        finally:
            with suppress(UpstreamError):
                await self._log.give_up_lease(self._process)

    async def work(self) -> None:
        """One round: take or keep the lease, number all events, remove old ones. Raises UpstreamError."""
        now = self._clock.monotonic()
        if now - self._asked_at > _RENEWED_AFTER_SECONDS:
            self._asked_at = now
            self._is_leased = await self._log.take_lease(self._process, timedelta(seconds=_LEASE_SECONDS))
        if not self._is_leased:
            return
        while await self._log.number():
            self._numbered()
        if now - self._forgot_at > _FORGETS_EVERY_SECONDS:
            self._forgot_at = now
            await self._log.forget(self._retention)
