"""The open trades of MT4 accounts: a call per account for few accounts, all trades of the server for more [D, C-spec].

Both calls read the vendor's cache of the server. TradesGetByLogin needs the account's group, which is read from the
server, because the ERP's copy may be old and a wrong group may look like an account without trades [I].
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from core.call import Call
from core.clock import Clock
from core.errors import UpstreamError
from core.records import LiveAccountRecord
from core.trades import PositionRecord
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.envelope import Paging, open_envelope, read_paging
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.cplugin.trades.rows import Mt4OpenTrade, read_position
from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, NumbersUpTo
from upstreams.vendors.kit.protocol import LiveFigures
from upstreams.vendors.kit.row_lists import RowsByLogin
from upstreams.vendors.kit.trade_ports import Calls, ListAnswer
from upstreams.vendors.kit.trade_values import number_of
from upstreams.vendors.kit.ttl_cache import SharedAnswer

OF_ONE_PATH = "/api/v2/MT4/{tradePlatform}/TradesGetByLogin/{login}/{group}"
OF_ALL_PATH = "/api/v2/MT4/{tradePlatform}/TradesGet"
# So many accounts of a server are read one by one.
MOST_SINGLE: Final = 20
# The vendor's maximum [D, C-spec]. A trade has some 700 bytes.
PAGE_TRADES: Final = 5000
PAGE_MAX_BYTES: Final = 16 * 1024 * 1024
MOST_PAGES: Final = 40
SHARED_SECONDS: Final = 5.0

_LOGINS: Final = NumbersUpTo(MT4_LARGEST_LOGIN)
_GROUP: Final = frozenset({"group"})


class Mt4OpenPositions:
    """The open trades of one server. `live` reads the groups of its accounts."""

    def __init__(self, platform: TradePlatform, zone: ZoneInfo, clock: Clock, live: LiveFigures) -> None:
        self._platform = platform
        self._live = live
        self._failures = platform.connection.authorised.failures
        self._make = partial(read_position, zone=zone)
        self._shared: SharedAnswer[RowsByLogin] = SharedAnswer(
            clock,
            self._failures,
            max_age_seconds=SHARED_SECONDS,
            fetch_seconds=platform.connection.config.limits.total_timeout_seconds,
        )

    def most_calls(self, logins: int) -> Calls:
        single = min(logins, MOST_SINGLE)
        groups = -(-single // self._live.batch_max)
        pages = MOST_PAGES if logins > MOST_SINGLE else 0
        return Calls(max(groups + single, pages), max(2 * single, pages))

    async def fetch(self, logins: Sequence[str], call: Call) -> ListAnswer[PositionRecord]:
        asked = _LOGINS.among(list(dict.fromkeys(logins))) if logins else ()
        try:
            found = await (self._one_by_one(asked, call) if len(asked) <= MOST_SINGLE else self._of_all(asked, call))
        except UpstreamError as error:
            found = dict.fromkeys(asked, error)
        return {login: found.get(login) for login in logins}

    async def aclose(self) -> None:
        await self._shared.aclose()

    async def _one_by_one(self, logins: Sequence[str], call: Call) -> ListAnswer[PositionRecord]:
        accounts = await self._live.fetch(logins, _GROUP, call)
        return dict(
            zip(logins, await asyncio.gather(*(self._of_one(one, accounts[one], call) for one in logins)), strict=True)
        )

    async def _of_one(
        self, login: str, account: LiveAccountRecord | UpstreamError | None, call: Call
    ) -> Sequence[PositionRecord] | UpstreamError | None:
        """The trades of an account. None and errors of the account are the answer."""
        if not isinstance(account, LiveAccountRecord):
            return account
        if not account.group:
            return self._failures.unreadable(writes=False, detail="an account without a group")

        def read(answer: HttpAnswer) -> RowsByLogin:
            rows = RowsByLogin([open_envelope(answer, self._failures, writes=False)])
            rows.require_asked([login], self._failures)
            return rows

        values = {"login": login, "group": account.group}
        try:
            # The read is alone, because an answer without trades does not name its account.
            rows = await self._platform.get(OF_ONE_PATH, read, call, values=values, alone=True)
        except UpstreamError as error:
            return error
        return self._positions(rows, [login])[login]

    async def _of_all(self, logins: Sequence[str], call: Call) -> ListAnswer[PositionRecord]:
        """Picks the accounts from all trades of the server. An account that the server does not know has none."""
        return self._positions(await self._shared.get("trades", self._pages, call), logins)

    def _positions(self, rows: RowsByLogin, logins: Sequence[str]) -> ListAnswer[PositionRecord]:
        return rows.read(logins, Mt4OpenTrade, self._make, number_of, self._failures)

    async def _pages(self, call: Call) -> RowsByLogin:
        pages: list[msgspec.Raw] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            data, rest = await self._page(cursor, call)
            pages.append(data)
            if not rest.has_more and not rest.next_cursor:
                return RowsByLogin(pages)
            if not rest.next_cursor or rest.next_cursor == cursor:
                raise self._failures.unreadable(writes=False, detail="more pages, but no token for the next page")
            cursor = rest.next_cursor
        raise self._failures.unavailable("has more open trades than can be read")

    async def _page(self, cursor: str | None, call: Call) -> tuple[msgspec.Raw, Paging]:
        def read(answer: HttpAnswer) -> tuple[msgspec.Raw, Paging]:
            return open_envelope(answer, self._failures, writes=False), read_paging(answer)

        query = [("limit", str(PAGE_TRADES))] + ([("cursor", cursor)] if cursor else [])
        # The read is alone, because a page does not name its number.
        return await self._platform.get(
            OF_ALL_PATH, read, call, query=query, alone=True, max_answer_bytes=PAGE_MAX_BYTES
        )
