"""The sender of webhooks: pushes the log of instructions to partners.

Every process runs a sender. Each webhook has a lease, and the holder sends its deliveries.

Invariants:
- Each event of a webhook is sent at least once, also after the death of a process at any step.
- The events of one instruction are sent in their order, one after another. A parked event lets the next one pass.
- Each webhook has separate slots, so that a slow receiver delays no other one.
"""

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import structlog

from core.clock import Clock
from core.errors import UpstreamError
from core.outage import Outage
from core.secret import Secret
from instructions.failpoints import Failpoint, reached
from instructions.wake_up import WakeUp
from instructions.webhook_message import MessageWriter, SecretUnreadable
from upstreams.http.webhook_client import WebhookFailed
from upstreams.state.webhooks import Delivery, WebhookStore

log = structlog.get_logger(__name__)

_LEASE_SECONDS: Final = 5.0
_RENEWED_AFTER_SECONDS: Final = 1.0
_FORGETS_EVERY_SECONDS: Final = 60.0
_SLOTS: Final = 8
_STORED_AT_ONCE: Final = 2
_FIRST_PAUSE_SECONDS: Final = 5.0
_LONGEST_PAUSE_SECONDS: Final = 4 * 3600.0
_RETRIED_FOR: Final = timedelta(days=3)

Post = Callable[[Secret, Mapping[str, str], bytes], Awaitable[tuple[int, float | None]]]


class WebhookSender:
    """`outcomes` counts the attempts of this process: delivered, failed, parked (which has failed, too)."""

    def __init__(
        self, store: WebhookStore, post: Post, writer: MessageWriter, clock: Clock, *, poll_seconds: float
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._store = store
        self._post = post
        self._writer = writer
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._process = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
        self._webhooks: list[str] = []
        self._asked_at = self._forgot_at = self._leased_until = float("-inf")
        self._in_flight: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._pause = WakeUp()
        # Deliveries that end together leave connections of the database to the instructions.
        self._storing = asyncio.Semaphore(_STORED_AT_ONCE)

    def wake(self) -> None:
        """End the current pause, because events got their numbers or a slot is free."""
        self._pause.wake()

    async def run(self) -> None:
        """Send until cancelled."""
        outage = Outage(log, "webhooks.nothing_sent", "webhooks.sent_again")
        try:
            await outage.repeat(self.work, self._pause.pause, self._poll_seconds)
        finally:
            await self._stop()

    async def work(self) -> None:
        """One round: take or keep leases, plan deliveries, begin the due ones. Raises UpstreamError."""
        await self._keep_leases()
        if not self._webhooks:
            return
        await self._plan()
        reached(Failpoint.WEBHOOK_PLANNED)
        # The due deliveries include those in flight, so that there are never more than the slots. A delivery that ends
        # while the statement runs may still be in its result.
        before = set(self._in_flight)
        for delivery in await self._store.due(self._webhooks, _SLOTS, self._clock.now()):
            if (delivery.target.webhook_id, delivery.seq) not in before:
                self._begin(delivery)

    async def _keep_leases(self) -> None:
        now = self._clock.monotonic()
        if now - self._asked_at > _RENEWED_AFTER_SECONDS:
            self._asked_at = now
            self._webhooks = await self._store.take_leases(self._process, timedelta(seconds=_LEASE_SECONDS))
            self._leased_until = now + _LEASE_SECONDS
        if now - self._forgot_at > _FORGETS_EVERY_SECONDS:
            self._forgot_at = now
            await self._store.forget(self._webhooks)

    async def _plan(self) -> None:
        plan = await self._store.plan(self._webhooks, self._clock.now())
        for webhook in plan.incomplete:
            log.error("webhook.events_forgotten", webhook=webhook)
        if plan.has_more:
            self.wake()

    def _begin(self, delivery: Delivery) -> None:
        key = delivery.target.webhook_id, delivery.seq
        self._in_flight[key] = task = asyncio.create_task(self._deliver(delivery))

        def end(_task: object) -> None:
            del self._in_flight[key]
            self.wake()

        task.add_done_callback(end)

    async def _deliver(self, delivery: Delivery) -> None:
        # A process that stalled would send again what the next holder of the lease has sent.
        if self._clock.monotonic() >= self._leased_until:
            return
        outcome = await self._attempt(delivery)
        reached(Failpoint.WEBHOOK_ANSWERED)
        try:
            async with self._storing:
                await self._store_outcome(delivery, outcome)
        except UpstreamError as error:
            log.warning("webhook.outcome_not_stored", webhook=delivery.target.webhook_id, detail=error.detail)
        reached(Failpoint.WEBHOOK_STORED)

    async def _attempt(self, delivery: Delivery) -> "_Outcome":
        try:
            message = self._writer.event(delivery, self._clock.now())
            reached(Failpoint.WEBHOOK_SENDING)
            status, retry_after = await self._post(message.url, message.headers, message.body)
        except WebhookFailed as error:
            return _Outcome(str(error))
        except SecretUnreadable:
            return _Outcome("the secret cannot be decrypted with [webhooks] key")
        except Exception:
            # Other deliveries continue, and the next attempt may succeed.
            log.exception("webhook.defect", webhook=delivery.target.webhook_id)
            return _Outcome("internal error")
        return _Outcome(f"status {status}", status, retry_after)

    async def _store_outcome(self, delivery: Delivery, outcome: "_Outcome") -> None:
        webhook, now = delivery.target.webhook_id, self._clock.now()
        if outcome.is_success:
            await self._store.delivered(delivery, now)
            self.outcomes["delivered"] += 1
            return
        next_at = _next_attempt(delivery, now, outcome.retry_after or 0.0)
        await self._store.failed(delivery, next_at, outcome.text, now)
        self.outcomes["failed"] += 1
        known = {"webhook": webhook, "message": delivery.message_id, "outcome": outcome.text}
        if next_at is None:
            self.outcomes["parked"] += 1
            log.error("webhook.parked", **known)
        else:
            log.info("webhook.failed", **known, attempts=delivery.attempts + 1, next_at=next_at.isoformat())
        if outcome.status == HTTPStatus.GONE and await self._store.disable(webhook, now):
            log.error("webhook.disabled", webhook=webhook, outcome=outcome.text)

    async def _stop(self) -> None:
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(UpstreamError):
            await self._store.give_up_leases(self._process)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one attempt. Without an answer there is no status."""

    text: str
    status: int | None = None
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def _next_attempt(delivery: Delivery, now: datetime, retry_after: float) -> datetime | None:
    """The time of the next attempt; None after the last one, which is three days after the first that failed."""
    end = (delivery.first_failed_at or now) + _RETRIED_FOR
    if now >= end:
        return None
    pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(delivery.attempts, 20), _LONGEST_PAUSE_SECONDS)
    pause *= random.uniform(0.8, 1.2)  # noqa: S311 - jitter needs no secret.
    return min(now + timedelta(seconds=max(pause, retry_after)), end)
