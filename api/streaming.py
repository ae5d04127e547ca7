"""The log of instructions in this process: the sequencer, the reader for streams, and the doorbell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.background import running
from api.settings.streams import StreamsSection
from core.clock import Clock
from instructions.log_feed import LogFeed
from instructions.sequencer import Sequencer
from upstreams.services import UpstreamServices
from upstreams.state.doorbell.doorbell import Bell


@asynccontextmanager
async def streaming(section: StreamsSection, upstreams: UpstreamServices, clock: Clock) -> AsyncIterator[LogFeed]:
    """Number and read the log while the body runs."""
    events, doorbell = upstreams.state.log, upstreams.doorbell
    feed = LogFeed(
        events,
        poll_seconds=section.poll_interval_seconds,
        most=section.queue_events,
        most_bytes=section.queue_bytes,
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
    async with running(doorbell.run(clock.sleep), sequencer.run(), feed.run()):
        yield feed
