from datetime import timedelta
from typing import Literal

import msgspec

from api.settings.bounds import Seconds, Some
from core.secret import Secret


class StreamsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[streams]: the log of instructions, and subscriptions. All numbers of streams are for one process."""

    doorbell: Literal["database", "redis", "off"] = "database"
    redis_url: Secret | None = None
    poll_interval_seconds: Seconds = 0.2
    retention_days: Some = 14
    bookmark_seconds: Seconds = 60.0
    balances_seconds: Seconds = 5.0
    heartbeat_seconds: Seconds = 25.0
    init_timeout_seconds: Seconds = 10.0
    max_hours: Some = 24
    queue_events: Some = 256
    queue_bytes: Some = 262_144
    per_connection_max: Some = 100
    per_caller_max: Some = 1000
    per_process_max: Some = 10_000
    ids_max: Some = 500

    def __post_init__(self) -> None:
        if self.doorbell == "redis" and self.redis_url is None:
            raise ValueError('redis_url is missing, and doorbell = "redis" needs it')

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    @property
    def longest(self) -> timedelta:
        """The longest time of a connection with streams."""
        return timedelta(hours=self.max_hours)
