"""The nightly check of the trading servers' books. One process of several runs it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import structlog

from core.call import Call, background_call
from core.clock import Clock
from core.money import format_amount
from core.outage import Outage
from upstreams.books import ServerBooks, check_books
from upstreams.erp.reader import Erp
from upstreams.state.books_check import BooksLease
from upstreams.vendors.kit.protocol import Platform

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60.0
_CALL_SECONDS = 60.0
# A check that fails is tried again after the lease, for so long after its hour.
_LEASE = timedelta(hours=1)
_NIGHT = timedelta(hours=6)


class BooksConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[books]: whether this process takes part in the nightly check, and the hour at which it begins, in UTC."""

    enabled: bool = True
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 2


class NightlyBooks:
    """`differences` is the number of accounts with a difference in the last check of this process."""

    def __init__(
        self, lease: BooksLease, erp: Erp, platforms: Mapping[str, Platform], clock: Clock, config: BooksConfig
    ) -> None:
        self.differences = 0
        self._lease = lease
        self._erp = erp
        self._platforms = platforms
        self._clock = clock
        self._config = config

    async def run(self) -> None:
        """Check the books once a night. This never ends."""

        async def check() -> None:
            await self.check_if_due(self._clock.now())

        await Outage(log, "books.no_lease", "books.lease_again").repeat(check, self._clock.sleep, _EVERY_SECONDS)

    async def check_if_due(self, now: datetime) -> None:
        """Check the books, if it is night and no process has done it. Raises UpstreamError without the database."""
        night = now - timedelta(hours=self._config.hour)
        since = night - night.replace(hour=0, minute=0, second=0, microsecond=0)
        if since < _NIGHT and await self._lease.claim(night.date(), _LEASE) and await self._check():
            await self._lease.finish(night.date())

    async def _check(self) -> bool:
        """Whether the books of all servers were checked. A server that was not is checked again after the lease."""
        found = [books async for books in check_books(self._erp, self._platforms, _call)]
        self.differences = sum(len(books.differences) for books in found)
        for books in found:
            _report(books)
        return all(books.error is None for books in found)


def _report(books: ServerBooks) -> None:
    for login, difference in books.differences.items():
        log.error("books.difference", server=books.server, login=login, difference=format_amount(difference))
    if books.error is not None:
        log.warning("books.not_checked", server=books.server, error=type(books.error).__name__)
    log.info("books.checked", server=books.server, accounts=books.accounts, differences=len(books.differences))


def _call() -> Call:
    return background_call(_CALL_SECONDS, "nightly-books")
