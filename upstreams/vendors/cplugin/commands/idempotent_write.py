"""The idempotent write: a v2 write that is repeated with its Idempotency-Key while the vendor certainly knows the key.

The time for which CPlugin stores a key depends on the result of the request [D, C-py]:

    answered in time        one minute from the answer
    after OutcomeUnknown    an hour from the operation's end
    while it runs           always; a repeat gets "in-progress"

After this time a repeat would be a second command. Each repeat must therefore ARRIVE well within this time. Later
nothing is sent, and the account's history decides.
"""

import math
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Generic, TypeVar

import msgspec

from core.clock import Clock, Deadline
from core.errors import Doubt, OutcomeUnknown, Rejected, Unavailable, UpstreamError
from upstreams.http.limits import Limits
from upstreams.http.tokens.access_tokens import AuthorisedWrite

T = TypeVar("T")

# Half of the minute. The other half is for delays that no time-out bounds: a stalled process, proxies.
ARRIVES_WITHIN_SECONDS = 30.0
# "At least one hour", less the margin.
KEPT_AFTER_UNKNOWN_SECONDS = 3600.0 - 60.0
# Name look-up and TCP, TLS, and the request's bytes. The transport gives the connect time-out to each.
PHASES_BEFORE_ARRIVAL = 3
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
# These are refusals before the key is read, so that they prove nothing about the earlier attempt.
AT_THE_DOOR = frozenset({"403", "Forbidden"})


class RepeatWindow:
    """The window of time for repeats. `latest` is the latest start of a repeat; None while no attempt is in doubt."""

    def __init__(self, clock: Clock, limits: Limits, budget: Deadline, *, arrival_is_bounded: bool = True) -> None:
        self._clock = clock
        self._budget = budget
        arrival_seconds = PHASES_BEFORE_ARRIVAL * limits.connect_timeout_seconds
        # Without a bound a repeat might arrive after the vendor has forgotten the key, so that there is no repeat.
        self._arrival_seconds = arrival_seconds if arrival_is_bounded else math.inf
        self.latest: float | None = None

    def note_doubt(self, doubt: Doubt, started: float) -> None:
        """Note that the attempt which started at `started` is in doubt."""
        if doubt is Doubt.KEPT:
            self._extend(started + KEPT_AFTER_UNKNOWN_SECONDS)
        elif doubt is Doubt.RUNNING or self.latest is None:
            # While the operation runs, it has no answer yet, so that the minute has not begun. A lost answer does not
            # extend the window, because the first lost answer may have been given immediately.
            self._extend(started + ARRIVES_WITHIN_SECONDS)

    def _extend(self, arrival: float) -> None:
        latest = min(arrival, self._budget.at) - self._arrival_seconds
        self.latest = latest if self.latest is None else max(self.latest, latest)

    def closed_after(self, seconds: float) -> bool:
        return self.latest is None or self._clock.monotonic() + seconds > self.latest


@dataclass(frozen=True, slots=True)
class KeyedWrite(Generic[T]):
    """A prepared write, like AuthorisedWrite, with a body and a key that never change."""

    write: AuthorisedWrite[T]

    async def send(self) -> T:
        """Send the write, and repeat it within the window.

        Raises Unavailable only while no attempt of this send is in doubt. A refusal of a repeat is the vendor's stored
        answer for the key [D], so that it also decides about the earlier attempts.
        """
        link, budget = self.write.authorised.link, self.write.call.deadline
        window = RepeatWindow(link.clock, link.limits, budget, arrival_is_bounded=link.arrival_is_bounded)
        doubt: OutcomeUnknown | None = None
        for pause in chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1])):
            started = link.clock.monotonic()
            latest: UpstreamError
            try:
                return await (self.write if doubt is None else self._repeat(window)).send()
            except OutcomeUnknown as error:
                doubt, latest = error, error
                window.note_doubt(error.doubt, started)
            except (Unavailable, Rejected) as error:
                if doubt is None or not _proves_nothing(error):
                    raise
                latest = error
            await _pause(window, link.clock, max(pause, latest.retry_after_seconds or 0.0), doubt)
        raise AssertionError

    def _repeat(self, window: RepeatWindow) -> AuthorisedWrite[T]:
        """The same request once more. Its waits end with the window, its exchange at the end of the send's time."""
        assert window.latest is not None
        write, clock = self.write, self.write.authorised.link.clock
        total = write.request.total_seconds or write.authorised.link.limits.total_timeout_seconds
        left = write.call.deadline.remaining()
        return replace(
            write,
            request=msgspec.structs.replace(write.request, total_seconds=min(total, left)),
            call=msgspec.structs.replace(write.call, deadline=Deadline(window.latest, clock)),
        )


async def _pause(window: RepeatWindow, clock: Clock, seconds: float, doubt: OutcomeUnknown) -> None:
    """Wait before the next attempt. Raises the doubt if another attempt is not allowed."""
    if doubt.doubt is Doubt.ANSWERED or window.closed_after(seconds):
        raise doubt
    await clock.sleep(seconds)
    # The window is checked again after the wait, because the process may have been stopped in the meantime.
    if window.closed_after(0.0):
        raise doubt


def _proves_nothing(error: UpstreamError) -> bool:
    """Whether the error of this attempt says nothing about an earlier attempt."""
    return isinstance(error, Unavailable) or error.upstream_code in AT_THE_DOOR
