import msgspec


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The call policy of one vendor connection: time-outs, bulkhead, rate limit, circuit breaker and retries."""

    connect_timeout_seconds: float = 2.0
    read_timeout_seconds: float = 10.0
    total_timeout_seconds: float = 15.0
    max_in_flight: int = 16
    max_waiting: int = 256
    write_reserve: float = 0.2
    requests_per_minute: float | None = None
    read_attempts: int = 2
    breaker_failures: int = 5
    breaker_open_seconds: float = 5.0
    max_answer_bytes: int = 4 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 0 <= self.write_reserve < 1:
            raise ValueError("write_reserve is a share: from 0 to less than 1")
