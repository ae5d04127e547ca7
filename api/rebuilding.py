"""Rebuilds the snapshot of clients' totals in this process, if no other process does."""

from contextlib import AbstractAsyncContextManager

import structlog

from api.background import running
from core.call import background_call
from core.clock import Clock
from core.errors import UpstreamError
from core.outage import Outage
from upstreams.services import UpstreamServices

_log = structlog.get_logger(__name__)
_POLLS = 10


def rebuilding(seconds: float, upstreams: UpstreamServices, clock: Clock) -> AbstractAsyncContextManager[None]:
    """Rebuild the snapshot every `seconds` while the body runs."""
    return running(_run(seconds, upstreams, clock))


async def _run(seconds: float, upstreams: UpstreamServices, clock: Clock) -> None:
    outage = Outage(_log, "totals.no_snapshot", "totals.snapshots_again")
    work = _is_needed
    while True:
        try:
            if await work(seconds, upstreams):
                outage.succeeded()
        except UpstreamError as error:
            outage.failed(detail=error.detail)
        except Exception:  # noqa: BLE001 - the next rebuild may succeed.
            _log.exception("totals.snapshot_failed")
        await clock.sleep(seconds / _POLLS)
        work = _rebuild


async def _is_needed(seconds: float, upstreams: UpstreamServices) -> bool:
    """Whether the ERP has so many rows that lists and sums need the snapshot. Lists and sums learn it too."""
    call = background_call(seconds, "totals")
    upstreams.state.totals.is_needed = await upstreams.lists.needs_snapshot(call)
    return upstreams.state.totals.is_needed


async def _rebuild(seconds: float, upstreams: UpstreamServices) -> bool:
    """Whether this process has made a rebuild. It takes no longer than the lease, so that no other one overlaps."""
    lists, totals = upstreams.lists, upstreams.state.totals
    if not await upstreams.state.schema.is_current(seconds):
        return False
    if not await _is_needed(seconds, upstreams) or not await totals.take_lease(seconds):
        return False
    number = await totals.rebuild(
        lambda rebuild, send: lists.send_totals(rebuild, send, seconds),
        lambda rebuild, send: lists.send_account_sums(rebuild, send, seconds),
        seconds,
    )
    _log.info("totals.rebuilt", number=number)
    return True
