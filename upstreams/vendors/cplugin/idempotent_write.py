"""A v2 write that is sent again with its own Idempotency-Key while that is surely the same order to the vendor.

How long CPlugin knows a key depends on what became of the request [D, C-py]: an answer in time is kept for one minute,
a result after OutcomeUnknown for an hour from the operation's end, and while it runs a repeat is told "in-progress".
Past that a repeat would be a second order. So each repeat must ARRIVE well within the time; after it we send no more,
and the account's history decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec

from core.clock import Clock, Deadline
from core.errors import Doubt, OutcomeUnknown, Rejected, Unavailable, UpstreamError
from upstreams.http.access_tokens import AuthorisedWrite
from upstreams.http.limits import Limits

T = TypeVar("T")

# Half of the minute: the other half is for what no time-out of ours can bound (a stalled process, proxies on the way).
ARRIVES_WITHIN_SECONDS = 30.0
# "At least one hour", less the margin.
KEPT_AFTER_UNKNOWN_SECONDS = 3600.0 - 60.0
# Name look-up and TCP, then TLS, then the request's bytes: the transport gives each the connect time-out.
PHASES_BEFORE_ARRIVAL = 3
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
# Refused before anybody looked at the key: no word on what became of the earlier attempt.
AT_THE_DOOR = frozenset({"403", "Forbidden"})


class Window:
    """The latest moment at which a repeat may start; `latest` is None while nothing is in doubt."""

    def __init__(self, clock: Clock, limits: Limits, budget: Deadline) -> None:
        self._clock = clock
        self._budget = budget
        self._arrival_seconds = PHASES_BEFORE_ARRIVAL * limits.connect_timeout_seconds
        self.latest: float | None = None

    def doubted(self, doubt: Doubt, started: float) -> None:
        """An attempt that started then is in doubt."""
        if doubt is Doubt.KEPT:
            self._extend(started + KEPT_AFTER_UNKNOWN_SECONDS)
        elif doubt is Doubt.RUNNING or self.latest is None:
            # Running: it was not answered before this attempt arrived, so the minute had not begun. A lost answer, by
            # contrast, never extends anything: the first of them may have been given at once.
            self._extend(started + ARRIVES_WITHIN_SECONDS)

    def _extend(self, arrival: float) -> None:
        latest = min(arrival, self._budget.at) - self._arrival_seconds
        self.latest = latest if self.latest is None else max(self.latest, latest)

    def closed_after(self, seconds: float) -> bool:
        return self.latest is None or self._clock.monotonic() + seconds > self.latest


@dataclass(frozen=True, slots=True)
class KeyedWrite(Generic[T]):
    """Ready to go, like AuthorisedWrite. Neither body nor key ever changes."""

    write: AuthorisedWrite[T]

    async def send(self) -> T:
        """Unavailable only while no attempt of this send is in doubt. A refusal of a repeat is the vendor's answer to
        the key [D], so it settles the earlier attempts too.
        """
        link, budget = self.write.authorised.link, self.write.call.deadline
        window = Window(link.clock, link.limits, budget)
        doubt: OutcomeUnknown | None = None
        for pause in _pauses():
            started = link.clock.monotonic()
            latest: UpstreamError
            try:
                return await (self.write if doubt is None else self._repeat(window)).send()
            except OutcomeUnknown as error:
                doubt, latest = error, error
                window.doubted(error.doubt, started)
            except (Unavailable, Rejected) as error:
                if doubt is None or not _proves_nothing(error):
                    raise
                latest = error
            await _pause(window, link.clock, max(pause, latest.retry_after_seconds or 0.0), doubt)
        raise AssertionError

    def _repeat(self, window: Window) -> AuthorisedWrite[T]:
        """The same bytes. Its waits end with the window, and its answer is of use only within the send's budget."""
        assert window.latest is not None
        write, clock = self.write, self.write.authorised.link.clock
        total = write.request.total_seconds or write.authorised.link.limits.total_timeout_seconds
        left = write.call.deadline.remaining()
        return replace(
            write,
            request=msgspec.structs.replace(write.request, total_seconds=min(total, left)),
            call=msgspec.structs.replace(write.call, deadline=Deadline(window.latest, clock)),
        )


async def _pause(window: Window, clock: Clock, seconds: float, doubt: OutcomeUnknown) -> None:
    """Wait before the next attempt; the doubt itself where there must not be one."""
    if doubt.doubt is Doubt.ANSWERED or window.closed_after(seconds):
        raise doubt
    await clock.sleep(seconds)
    # Asked again after the wait: a process that was stopped meanwhile wakes up too late without knowing it.
    if window.closed_after(0.0):
        raise doubt


def _proves_nothing(error: UpstreamError) -> bool:
    """Whether this attempt's end says nothing of an earlier one."""
    return isinstance(error, Unavailable) or error.upstream_code in AT_THE_DOOR


def _pauses() -> Iterator[float]:
    yield from PAUSES_SECONDS
    while True:
        yield PAUSES_SECONDS[-1]
