"""The link: one vendor connection with its call policy. Every call to a vendor goes through a link.

    circuit breaker -> rate limit -> bulkhead -> exchange -> status -> the vendor's module reads the body

A call that was provably not sent raises Unavailable. A write that may have been applied raises OutcomeUnknown.
"""

import random
from collections.abc import Callable
from typing import TypeVar

import msgspec

from core.call import Call
from core.clock import Clock, Deadline
from core.errors import Misunderstood, Rejected, System, Unavailable, UpstreamError
from upstreams.flow.bulkhead import Bulkhead, BulkheadFull, Lane
from upstreams.flow.circuit_breaker import Breaker, Breakers
from upstreams.flow.rate_limit import RateLimit, reserved_of
from upstreams.flow.retry_budget import RetryBudget
from upstreams.http.call_log import CallLog
from upstreams.http.decoding.damaged_json import mend
from upstreams.http.failures import Failures
from upstreams.http.health import HealthBook, LinkHealth
from upstreams.http.http1 import ExchangeBounds
from upstreams.http.limits import Limits
from upstreams.http.network import DIRECT, Network
from upstreams.http.request import HttpRequest
from upstreams.http.sessions import SessionRules, SessionTransport
from upstreams.http.transport import HttpAnswer, Transport
from upstreams.http.transport_errors import TransportFault

T = TypeVar("T")
Read = Callable[[HttpAnswer], T]
"""The vendor's function that reads an answer. Raises an UpstreamError, or msgspec's errors and ValueError."""

RETRY_PAUSE_SECONDS = 0.05
# The errors of msgspec are ValueErrors. A deeply nested answer is a RecursionError.
_NOT_READABLE = (ValueError, ArithmeticError, LookupError, TypeError, RecursionError)


class TokenRefused(Exception):
    """The vendor refused our access token and did nothing. It may accept a new token."""


class Link:
    """One vendor connection. `read` and `write` may be called concurrently."""

    def __init__(  # noqa: PLR0913 - the parts of a link.
        self,
        system: System,
        name: str,
        url: str,
        limits: Limits,
        clock: Clock,
        *,
        label: str = "",
        requests_per_minute: float | None = None,
        network: Network = DIRECT,
        sessions: SessionRules | None = None,
    ) -> None:
        self.system = system
        self.name = name
        self.limits = limits
        self.clock = clock
        self.failures = Failures(system, name, label)
        self._url = url.rstrip("/")
        # Behind a proxy no time-out bounds the time between the start of a request and its arrival at the vendor.
        self.arrival_is_bounded = network.proxy is None
        self._transport = (
            Transport(limits, network) if sessions is None else SessionTransport(limits, network, sessions)
        )
        share = limits.write_reserve
        self._bulkhead = Bulkhead(
            max_in_flight=limits.max_in_flight,
            max_waiting=limits.max_waiting,
            reserved=reserved_of(limits.max_in_flight, share),
        )
        self._rate = RateLimit(clock, requests_per_minute or limits.requests_per_minute, reserved_share=share)
        self._budget = RetryBudget()
        self._breakers = Breakers(clock, failures=limits.breaker_failures, open_seconds=limits.breaker_open_seconds)
        self._book = HealthBook(system, name, clock)

    async def aclose(self) -> None:
        await self._transport.aclose()

    def health(self) -> LinkHealth:
        return self._book.snapshot()

    def check(self, lane: str, *, for_command: bool) -> None:
        """Raise Unavailable while the circuit breaker of this trading server is open, for commands or for reads."""
        wait = self._breakers.of(lane, for_command=for_command).wait_seconds()
        if wait > 0:
            raise self.failures.breaker_open(wait)

    async def open_session(self, lane: str, call: Call) -> None:
        """Open a session for a write, so that only the write itself is left. Raises Unavailable; sends no command."""
        self.check(lane, for_command=True)
        assert isinstance(self._transport, SessionTransport)
        try:
            await self._transport.open_session(min(self.limits.total_timeout_seconds, call.deadline.remaining()))
        except TransportFault as fault:
            raise self.failures.from_fault(fault, writes=False) from fault

    async def read(self, request: HttpRequest, read: Read[T], call: Call) -> T:
        """Send a read. It has at most `limits.read_attempts` attempts, within the deadline and the retry budget.

        The loop is our own for two reasons. stamina checks whether an error is worth a retry before it checks whether
        an attempt is left, so that it would charge the retry budget twice. stamina also writes its own log line.
        """
        if request.writes:
            raise ValueError("a write is never sent through `read`, which repeats")
        self._budget.record_call()
        deadline = call.deadline.sooner(request.total_seconds or self.limits.total_timeout_seconds)
        for attempt in range(1, self.limits.read_attempts):
            try:
                return await self._attempt(request, read, call, deadline, attempt)
            except Unavailable as error:
                pause = RETRY_PAUSE_SECONDS * (1 + random.random())  # noqa: S311 - jitter is not a secret.
                if not error.worth_retrying or pause >= deadline.remaining() or not self._budget.take():
                    raise
                await self.clock.sleep(pause)
        return await self._attempt(request, read, call, deadline, self.limits.read_attempts)

    async def write(self, request: HttpRequest, read: Read[T], call: Call) -> T:
        """Send a write once.

        The waits before the exchange obey the call's deadline. The exchange itself has the vendor's full time, because
        an earlier end would turn a known outcome into an unknown one.
        """
        if not request.writes:
            raise ValueError("only a request that is marked as a write gets the errors of a write")
        return await self._attempt(request, read, call, call.deadline, 1)

    async def _attempt(self, request: HttpRequest, read: Read[T], call: Call, deadline: Deadline, attempt: int) -> T:
        with (
            call.lifetime.waiting_for_vendor(),
            CallLog(self.system, self.name, request, call, attempt, self.clock) as log,
        ):
            if log.span is not None and (more := log.span.headers):
                request = msgspec.structs.replace(request, headers={**request.headers, **more})
            return await self._wait_and_send(request, read, call, deadline, log)

    async def _wait_and_send(
        self, request: HttpRequest, read: Read[T], call: Call, deadline: Deadline, log: CallLog
    ) -> T:
        self.check(request.lane, for_command=call.for_command)
        lane = Lane(call.caller, request.writes or call.for_command, request.lane)
        wait = self._rate.wait_seconds(self._bulkhead.ahead(lane), for_command=lane.for_command)
        if wait > deadline.remaining():
            raise self.failures.rate_limited(wait)
        try:
            async with self._bulkhead.slot(deadline, lane):
                if not await self._rate.take(deadline, for_command=lane.for_command):
                    raise self.failures.rate_limited(self._rate.wait_seconds(for_command=lane.for_command))
                return await self._send_and_judge(request, read, call, deadline, log)
        except BulkheadFull as error:
            raise self.failures.bulkhead_full(self.limits.total_timeout_seconds) from error

    async def _send_and_judge(
        self, request: HttpRequest, read: Read[T], call: Call, deadline: Deadline, log: CallLog
    ) -> T:
        """Send, and record the result for the circuit breaker and for the health."""
        # The breaker is checked again, because it may have opened while this call waited in the queue.
        self.check(request.lane, for_command=call.for_command)
        breaker = self._breakers.of(request.lane, for_command=call.for_command)
        breaker.enter()
        started = self.clock.monotonic()
        try:
            answer = await self._exchange(request, call, deadline)
            log.note_answer(answer)
            result = self._read_answer(request, read, answer)
        except (Rejected, TokenRefused):
            breaker.record_success()
            self._note(started, None)
            raise
        except UpstreamError as error:
            if isinstance(error, Misunderstood):
                self._transport.distrust(request.lane)
            self._blame(breaker, error, started)
            raise
        except BaseException:
            breaker.record_abandoned()
            raise
        breaker.record_success()
        self._note(started, None)
        return result

    async def _exchange(self, request: HttpRequest, call: Call, deadline: Deadline) -> HttpAnswer:
        call.tally.count(self.system, request.keys)
        total = request.total_seconds or self.limits.total_timeout_seconds
        bounds = ExchangeBounds(
            read_seconds=request.total_seconds or self.limits.read_timeout_seconds,
            total_seconds=total if request.writes else min(total, deadline.remaining()),
            max_answer_bytes=request.max_answer_bytes or self.limits.max_answer_bytes,
        )
        try:
            # Reads that decide about a command never use a connection that another request has used.
            lane = None if request.alone or call.for_command else request.lane
            with call.tally.timed(self.system):
                return await self._transport.exchange(request, request.address(self._url), bounds, lane=lane)
        except TransportFault as fault:
            # A call with little time left proves nothing about the vendor.
            fair = bounds.total_seconds >= self.limits.connect_timeout_seconds
            raise self.failures.from_fault(fault, writes=request.writes, fair=fair) from fault

    def _read_answer(self, request: HttpRequest, read: Read[T], answer: HttpAnswer) -> T:
        if answer.status not in request.understands:
            raise self.failures.from_status(answer, writes=request.writes)
        try:
            return _read_or_mend(request, read, answer)
        except Misunderstood as error:
            if request.writes:
                raise self.failures.unreadable(writes=True, detail=error.detail) from error
            raise
        except (UpstreamError, TokenRefused):
            raise
        except _NOT_READABLE as error:
            # The text of a decoding error may quote the answer, so that only its class is kept.
            raise self.failures.unreadable(writes=request.writes, detail=type(error).__name__) from None

    def _blame(self, breaker: Breaker, error: UpstreamError, started: float) -> None:
        if error.vendors_fault is None:
            breaker.record_abandoned()
        elif error.vendors_fault:
            breaker.record_failure()
        else:
            breaker.record_success()
        self._note(started, error)

    def _note(self, started: float, error: UpstreamError | None) -> None:
        self._book.note(self.clock.monotonic() - started, error, self._breakers)


def _read_or_mend(request: HttpRequest, read: Read[T], answer: HttpAnswer) -> T:
    """Read the answer. An answer that is not JSON is mended and read once more, unless it is the answer to a write."""
    try:
        return read(answer)
    except (Misunderstood, *_NOT_READABLE):
        mended = None if request.writes else mend(answer.body)
        if mended is None:
            raise
    return read(msgspec.structs.replace(answer, body=mended))
