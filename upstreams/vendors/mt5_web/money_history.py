"""The search for a balance operation: the deals of the account, page by page [D, MQ-deal].

A balance operation is a deal with its type as action, the signed amount in `Profit` and our comment [I].
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from core.call import Call
from core.commands import MoneyCommand, MoneyReceipt
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.history_search import (
    WINDOW,
    Found,
    absence_counts_after,
    equals_in,
    match_one,
    read_history,
    search_history,
)
from upstreams.vendors.mt5_web.balance_operations import BALANCE
from upstreams.vendors.mt5_web.connection import Mt5WebConnection
from upstreams.vendors.mt5_web.retcodes import HEADERS, open_whole
from upstreams.vendors.mt5_web.server_time import ServerTime

TOTAL_PATH = "/api/deal/get_total"
PAGE_PATH = "/api/deal/get_page"
# The server refuses larger pages [D].
PAGE_DEALS = 100
# An account with more deals in two days is searched by a person.
MOST_PAGES = 500

T = TypeVar("T")


class _Total(msgspec.Struct, rename="pascal"):
    total: int | str


class _Deal(msgspec.Struct, rename="pascal"):
    deal: int | str
    login: int | str
    action: int | str | None = None
    profit: Decimal | None = None
    comment: str | None = None


class Mt5WebHistory:
    """The balance operations of one server."""

    def __init__(self, name: str, connection: Mt5WebConnection, time: ServerTime) -> None:
        self.absence_counts_after = absence_counts_after(connection.money.limits.total_timeout_seconds)
        self._name = name
        self._link = connection.reads
        self._time = time

    async def find(self, command: MoneyCommand, sent_at: datetime, call: Call) -> MoneyReceipt | None:
        return await search_history(self._find(command, sent_at, call), self._link.failures)

    async def _find(self, command: MoneyCommand, sent_at: datetime, call: Call) -> MoneyReceipt | None:
        offset = await self._time.offset(call)
        window = [str(int((sent_at + offset + sign * WINDOW).timestamp())) for sign in (-1, 1)]
        query = (("login", command.login), ("from", window[0]), ("to", window[1]))
        deals, unread = await self._deals(query, call)
        try:
            found = (_found(deal, command) for deal in deals.values())
            ticket = match_one(found, command.reference, unread, ["Comment"])
        except wire.Nonsense as error:
            raise self._link.failures.unreadable(writes=False, detail=str(error)) from error
        return None if ticket is None else MoneyReceipt(upstream_reference=ticket)

    async def _deals(self, query: tuple[tuple[str, str], ...], call: Call) -> tuple[dict[str, _Deal], list[bytes]]:
        """All deals of the account in the window. Deals that are booked meanwhile move the pages, so that the number
        is read again after the last page.
        """
        deals: dict[str, _Deal] = {}
        unread: list[bytes] = []
        total = await self._get(TOTAL_PATH, query, self._read_total, call)
        for page in range(MOST_PAGES):
            start = page * PAGE_DEALS
            if start >= total and total == (total := await self._get(TOTAL_PATH, query, self._read_total, call)):
                break
            place = (("offset", str(start)), ("total", str(PAGE_DEALS)))
            rows, damaged = await self._get(PAGE_PATH, query + place, self._read_page, call)
            deals |= {str(row.deal): row for row in rows}
            unread += damaged
        if len(deals) + len(unread) < total:
            # A part of a history proves no absence.
            raise self._link.failures.unavailable("did not show all deals of the account", detail="deals are missing")
        return deals, unread

    async def _get(
        self, path: str, query: tuple[tuple[str, str], ...], read: Callable[[HttpAnswer], T], call: Call
    ) -> T:
        # The reads are alone, because a page without our deal need not name its account.
        request = HttpRequest("GET", path, query=query, headers=HEADERS, lane=self._name, alone=True)
        return await self._link.read(request, read, call)

    def _read_total(self, answer: HttpAnswer) -> int:
        written = msgspec.json.decode(open_whole(answer, self._link.failures), type=_Total)
        total = wire.read_whole(written.total)
        if total is None or total < 0:
            raise wire.Nonsense("no number of deals")
        return total

    def _read_page(self, answer: HttpAnswer) -> tuple[list[_Deal], list[bytes]]:
        return read_history(open_whole(answer, self._link.failures), _Deal)


def _found(deal: _Deal, command: MoneyCommand) -> Found:
    is_ours = (
        str(deal.login) == command.login
        and wire.read_whole(deal.action) == BALANCE
        and equals_in(command.currency, command.change, deal.profit)
        and str(deal.deal) != "0"
    )
    return Found(deal.comment or "", str(deal.deal), is_ours)
