"""The lag of the event loop: how much later than planned a timer of this process fires."""

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry, Histogram

_EVERY_SECONDS: Final = 0.5
_BUCKETS: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


async def measure_lag(registry: CollectorRegistry) -> None:
    """Measure until cancelled."""
    lag = Histogram(
        "brokergraph_event_loop_lag_seconds",
        "Delays of a timer that fires twice a second.",
        registry=registry,
        buckets=_BUCKETS,
    )
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + _EVERY_SECONDS
        await asyncio.sleep(_EVERY_SECONDS)
        lag.observe(max(0.0, clock() - due))
