"""The cache of answers that many callers share for a short, documented time. Each answer is fetched once."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from cachetools import TLRUCache

from core.call import Call
from core.clock import Clock, Deadline
from upstreams.flow.single_flight import SingleFlight
from upstreams.http.failures import Failures

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """Caches each key's last good answer for `max_age_seconds`.

    The tally of the caller that starts a fetch counts the fetch. If this caller is cancelled, the fetch continues for
    the others.
    """

    MOST_KEPT = 10_000

    def __init__(self, clock: Clock, failures: Failures, *, max_age_seconds: float, fetch_seconds: float) -> None:
        self._clock = clock
        self._failures = failures
        self._fetch_seconds = fetch_seconds
        # An answer's age counts from the start of its call, which is the second value, because the vendor's figure may
        # be as old.
        self._answers: TLRUCache[str, tuple[T, float]] = TLRUCache(
            self.MOST_KEPT, ttu=lambda _key, answer, _now: answer[1] + max_age_seconds, timer=clock.monotonic
        )
        self._single_flight: SingleFlight[T] = SingleFlight()

    async def get(self, key: str, fetch: Callable[[Call], Awaitable[T]], call: Call) -> T:
        answer = self._answers.get(key)
        if answer is not None:
            return answer[0]
        deadline = Deadline.after(self._fetch_seconds, self._clock)
        own = Call(deadline, call.tally, call.request_id, call.caller, trace=call.trace)

        async def fetch_and_keep() -> T:
            asked_at = self._clock.monotonic()
            value = await fetch(own)
            self._answers[key] = value, asked_at
            return value

        try:
            with call.lifetime.waiting_for_vendor():
                return await self._single_flight.run(key, fetch_and_keep, call.deadline)
        except TimeoutError as error:
            raise self._failures.unavailable("did not answer in time", detail="shared answer") from error

    async def aclose(self) -> None:
        await self._single_flight.aclose()
