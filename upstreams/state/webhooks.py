"""Webhooks in the state database: their receivers, and the events that a receiver has not taken yet.

Invariants:
- A delivery is planned in the transaction that moves the webhook's place in the log, so that no event is left out.
- A planned delivery stays until the receiver has taken the event. After the last failed attempt it is parked.
- A delivery is due only when all earlier ones of its instruction are taken or parked.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.secret import Secret
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements
from upstreams.state.instructions import WRITE_SECONDS

_sql = read_statements("state/webhooks.sql")
_PLANNED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """A webhook: the kinds and agencies (None: every one) of the instructions whose events are sent."""

    id: str
    principal: str
    url: Secret
    kinds: tuple[str, ...] | None
    agencies: tuple[int, ...] | None
    created_at: datetime
    disabled_at: datetime | None = None
    delivered_at: datetime | None = None
    pending: int = 0
    parked: int = 0
    last_status: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where messages are sent, and the encrypted secrets that sign them."""

    webhook_id: str
    url: Secret
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a receiver. `epoch` and `seq` are its place in the log."""

    target: WebhookTarget
    epoch: UUID
    seq: int
    message_id: str
    attempts: int
    first_failed_at: datetime | None
    instruction_id: UUID
    kind: str
    status: str
    at: datetime


class Plan(NamedTuple):
    """What planning found: webhooks for which the log had lost events, and whether there is more to plan."""

    incomplete: list[str]
    has_more: bool


class WebhookStore:
    """Raises UpstreamError if the state database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: WebhookRecord, secret: bytes) -> None:
        """Store a webhook, which begins with the next event."""
        kinds, agencies = (None if one is None else list(one) for one in (record.kinds, record.agencies))
        values = (record.id, record.principal, record.url.reveal(), kinds, agencies, secret, record.created_at)
        await self._write(_sql.add, *values)

    async def list_all(self) -> list[WebhookRecord]:
        return [_record(row) for row in await self._write(_sql.list_all)]

    async def target(self, identity: str, now: datetime) -> WebhookTarget | None:
        rows = await self._write(_sql.target, identity, now)
        return _target(identity, rows[0]) if rows else None

    async def rotate(self, identity: str, secret: bytes, until: datetime) -> bool:
        """Store another secret. The present one also signs `until` then. False without such a webhook."""
        return bool(await self._write(_sql.rotate, identity, secret, until))

    async def disable(self, identity: str, now: datetime) -> bool:
        return bool(await self._write(_sql.disable, identity, now))

    async def enable(self, identity: str) -> bool:
        return bool(await self._write(_sql.enable, identity))

    async def replay(self, identity: str, after: int) -> bool:
        """Plan all events after this number once more. False without such a webhook."""
        return bool(await self._write(_sql.replay, identity, after))

    async def take_leases(self, process: str, lease: timedelta) -> list[str]:
        """The webhooks that this process alone serves until the lease ends."""
        return [row["id"] for row in await self._write(_sql.take_leases, process, lease)]

    async def give_up_leases(self, process: str) -> None:
        await self._write(_sql.give_up_leases, process)

    async def plan(self, webhooks: Collection[str], now: datetime) -> Plan:
        """Plan the deliveries of the next events of the log."""
        rows = await self._by_indexes(_sql.plan, list(webhooks), _PLANNED_AT_ONCE, now)
        return Plan([row["id"] for row in rows if row["is_incomplete"]], any(row["has_more"] for row in rows))

    async def forget(self, webhooks: Collection[str]) -> None:
        """Remove the parked deliveries that no replay can send."""
        await self._write(_sql.forget, list(webhooks))

    async def due(self, webhooks: Collection[str], most: int, now: datetime) -> list[Delivery]:
        """At most `most` due deliveries to each of the webhooks."""
        return [_delivery(row) for row in await self._by_indexes(_sql.due, list(webhooks), most, now)]

    async def delivered(self, delivery: Delivery, now: datetime) -> None:
        await self._write(_sql.delivered, delivery.target.webhook_id, delivery.seq, now)

    async def failed(self, delivery: Delivery, next_at: datetime | None, status: str, now: datetime) -> None:
        """Note a failed attempt. The next one is at `next_at`; None parks the delivery."""
        values = (delivery.target.webhook_id, delivery.seq, next_at, status, now, delivery.instruction_id)
        await self._by_indexes(_sql.failed, *values)

    async def _by_indexes(self, statement: str, *values: Any) -> list[Any]:
        async def work(connection: Any) -> list[Any]:
            await connection.execute(_sql.by_indexes)
            rows: list[Any] = await connection.fetch(statement, *values)
            return rows

        return await self._database.transact(work, seconds=WRITE_SECONDS)

    async def _write(self, statement: str, *values: Any) -> list[Any]:
        return await self._database.write(statement, *values, seconds=WRITE_SECONDS)


def _record(row: Any) -> WebhookRecord:
    values = dict(row)
    lists = {name: None if values[name] is None else tuple(values[name]) for name in ("kinds", "agencies")}
    return WebhookRecord(**{**values, **lists, "url": Secret(values["url"])})


def _target(identity: str, row: Any) -> WebhookTarget:
    return WebhookTarget(identity, Secret(row["url"]), tuple(row["secrets"]))


def _delivery(row: Any) -> Delivery:
    names = [name for name in Delivery.__dataclass_fields__ if name != "target"]
    return Delivery(_target(row["webhook_id"], row), **{name: row[name] for name in names})
