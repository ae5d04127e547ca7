"""The log of instructions in this process: the sequencer, the reader for streams, and the doorbell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from api.background import running
from api.settings.streams import StreamsSection
from core.clock import Clock
from core.outage import Outage
from instructions.log_feed import LogFeed
from instructions.log_receivers import Bounds
from instructions.sequencer import Sequencer
from upstreams.services import UpstreamServices
from upstreams.state.doorbell.doorbell import Bell

log = structlog.get_logger(__name__)

_FORGETS_EVERY_SECONDS: Final = 600.0


@asynccontextmanager
async def streaming(section: StreamsSection, upstreams: UpstreamServices, clock: Clock) -> AsyncIterator[LogFeed]:
    """Number and read the log while the body runs."""
    events, doorbell = upstreams.state.log, upstreams.doorbell
    feed = LogFeed(
        events,
        poll_seconds=section.poll_interval_seconds,
        bounds=Bounds(section.queue_events, section.queue_bytes),
    )
    sequencer = Sequencer(
        events,
        clock,
        poll_seconds=section.poll_interval_seconds,
        retention=section.retention,
        numbered=lambda: doorbell.ring(Bell.NUMBERED),
    )
    doorbell.on(Bell.COMMITTED, sequencer.wake)
    doorbell.on(Bell.NUMBERED, feed.wake)
    outage = Outage(log, "figures.not_forgotten", "figures.forgotten_again")
    forgetting = outage.repeat(upstreams.state.figures.forget, clock.sleep, _FORGETS_EVERY_SECONDS)
    async with running(doorbell.run(clock.sleep), sequencer.run(), feed.run(), forgetting):
        yield feed
