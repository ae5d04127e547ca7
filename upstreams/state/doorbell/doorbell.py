"""The doorbell: tells all processes that there is something to read, so that they do not wait for their next poll.

A ring may get lost, and then costs one poll interval. A ring follows a commit and is never a part of a transaction:
with a notification, a transaction takes a lock of the whole cluster when it commits.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from enum import StrEnum
from typing import Final, Protocol

import structlog

from core.outage import Outage

_log = structlog.get_logger(__name__)
# Rings that come together are sent together.
_GATHER_SECONDS: Final = 0.005
_AGAIN_AFTER_SECONDS: Final = 5.0


class Bell(StrEnum):
    """What there is to read."""

    COMMITTED = "committed"  # an event of an instruction has no number yet
    NUMBERED = "numbered"  # an event got its number in the log
    UNSETTLED = "unsettled"  # the outcome of an instruction is in doubt


class BellLost(Exception):
    """Other processes cannot be reached now. The text has no address."""


class BellWire(Protocol):
    """The way to the other processes. The methods raise BellLost."""

    async def send(self, bells: Collection[Bell]) -> None: ...

    async def receive(self, rung: Callable[[str], None], listening: Callable[[], None]) -> None:
        """Call `listening` once, then `rung` for each ring, until the connection is lost."""
        ...

    async def aclose(self) -> None: ...


class NoWire:
    """No way to other processes: they poll."""

    async def send(self, bells: Collection[Bell]) -> None:
        """The own process is served already."""

    async def receive(self, rung: Callable[[str], None], listening: Callable[[], None]) -> None:  # noqa: ARG002 - nothing rings.
        listening()
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Nothing is open."""


class Doorbell:
    """Rings in this process at once, and in the others over the wire."""

    def __init__(self, wire: BellWire) -> None:
        self._wire = wire
        self._listeners: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._rung: set[Bell] = set()
        self._to_send = asyncio.Event()

    def on(self, bell: Bell, callback: Callable[[], None]) -> None:
        self._listeners[bell].append(callback)

    def ring(self, bell: Bell) -> None:
        """Call this process's callbacks, and tell the others soon."""
        self._call(bell)
        self._rung.add(bell)
        self._to_send.set()

    async def run(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """Send and receive until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send(pause))
            group.create_task(self._receive(pause))

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _send(self, pause: Callable[[float], Awaitable[None]]) -> None:
        outage = Outage(_log, "doorbell.not_sent", "doorbell.sent_again")
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            bells, self._rung = self._rung, set()
            try:
                await self._wire.send(bells)
                outage.succeeded()
            except BellLost as error:
                outage.failed(error=str(error))
            await pause(_GATHER_SECONDS)

    async def _receive(self, pause: Callable[[float], Awaitable[None]]) -> None:
        outage = Outage(_log, "doorbell.not_heard", "doorbell.heard_again")
        while True:
            try:
                await self._wire.receive(self._call, outage.succeeded)
            except BellLost as error:
                outage.failed(error=str(error))
            await pause(_AGAIN_AFTER_SECONDS)

    def _call(self, bell: str) -> None:
        for callback in self._listeners[bell]:
            callback()
