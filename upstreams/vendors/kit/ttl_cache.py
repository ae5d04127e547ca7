"""Answers that many askers share for a short, documented time: fetched once, however many wait."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.call import Call
from core.clock import Clock, Deadline
from upstreams.flow.single_flight import SingleFlight
from upstreams.http.failures import Failures

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    at: float


class SharedAnswer(Generic[T]):
    """Keeps each key's last good answer for `max_age_seconds`. The caller who starts a fetch is charged for it; it goes
    on if he leaves, for the others.
    """

    MOST_KEPT = 10_000

    def __init__(self, clock: Clock, failures: Failures, *, max_age_seconds: float, fetch_seconds: float) -> None:
        self._clock = clock
        self._failures = failures
        self._max_age = max_age_seconds
        self._fetch_seconds = fetch_seconds
        self._kept: dict[str, _Kept[T]] = {}
        self._flight: SingleFlight[T] = SingleFlight()

    async def get(self, key: str, fetch: Callable[[Call], Awaitable[T]], call: Call) -> T:
        kept = self._kept.get(key)
        if kept is not None and self._clock.monotonic() - kept.at <= self._max_age:
            return kept.value
        own = Call(Deadline.after(self._fetch_seconds, self._clock), call.tally, call.request_id, call.caller)

        async def fetched() -> T:
            # Aged from the moment of asking: the vendor's figure is no younger than that.
            asked_at = self._clock.monotonic()
            value = await fetch(own)
            if len(self._kept) >= self.MOST_KEPT:
                self._kept.clear()
            self._kept[key] = _Kept(value, asked_at)
            return value

        try:
            with call.lifetime.waiting_for_vendor():
                return await self._flight.run(key, fetched, call.deadline)
        except TimeoutError as error:
            raise self._failures.unavailable("did not answer in time", detail="shared answer") from error

    async def aclose(self) -> None:
        await self._flight.aclose()
