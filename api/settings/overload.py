import msgspec


class OverloadSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[overload]: the limits of admission control. All numbers are for one process."""

    max_in_flight: int = 1000
    max_running: int = 64
    min_running: int = 16
    max_wait_seconds: float = 5.0
    mutation_reserve: int = 4

    @property
    def fewest(self) -> int:
        """The lower bound of the concurrency limit: `min_running`, or `max_running` if that is lower."""
        return min(self.min_running, self.max_running)

    def __post_init__(self) -> None:
        if not 1 <= self.max_running <= self.max_in_flight or self.min_running < 1:
            raise ValueError("expected 1 <= max_running <= max_in_flight and 1 <= min_running")
        if self.mutation_reserve < 0 or self.max_wait_seconds < 0:
            raise ValueError("mutation_reserve and max_wait_seconds must not be negative")
