"""An MT4 server behind CPlugin: live figures of many logins in one call, deposits, and new accounts."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from zoneinfo import ZoneInfo

from msgspec import structs

from core.call import Call
from core.clock import Clock
from core.errors import Misunderstood, Rejected, UpstreamError
from core.records import LiveAccountRecord
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.commands.account_search import Mt4AccountHistory
from upstreams.vendors.cplugin.commands.balance_operations import Mt4BalanceOperations
from upstreams.vendors.cplugin.commands.money_history import Mt4MoneyHistory
from upstreams.vendors.cplugin.commands.new_accounts import Mt4Accounts
from upstreams.vendors.cplugin.commands.withdrawals import Mt4Withdrawals
from upstreams.vendors.cplugin.commands.writes import GRACE_SECONDS
from upstreams.vendors.cplugin.connection import SYSTEM, CPluginConnection
from upstreams.vendors.cplugin.envelope import DOCUMENTED, check_status, open_envelope
from upstreams.vendors.cplugin.margins import MARGIN_FIELDS, GroupCurrencies, Margins
from upstreams.vendors.cplugin.reads import Mt4User, TradePlatform, mt4_record
from upstreams.vendors.cplugin.trades.books import Mt4BooksCheck
from upstreams.vendors.cplugin.trades.positions import Mt4OpenPositions
from upstreams.vendors.cplugin.trades.reports import Mt4ClosedTrades, Mt4DailyReports
from upstreams.vendors.kit.history_search import absence_counts_after
from upstreams.vendors.kit.live_batches import (
    MT4_LARGEST_LOGIN,
    NumbersUpTo,
    Rows,
    ask_in_chunks,
    coalesce_live_calls,
)
from upstreams.vendors.kit.protocol import LiveAnswer, Platform
from upstreams.vendors.kit.rows import read_one, read_rows, require_asked
from upstreams.vendors.kit.server_config import ServerConfig

USERS_PATH = "/api/v2/MT4/{tradePlatform}/UserRecordsRequest"
USER_V1_PATH = "/api/MT4/{tradePlatform}/UserRecordGet/{login}"
GROUP_PATH = "/api/v2/MT4/{tradePlatform}/GroupRecordGet/{group}"

_LOGINS = NumbersUpTo(MT4_LARGEST_LOGIN)


class Mt4Live:
    """The live figures of one server."""

    def __init__(self, platform: TradePlatform, zone: ZoneInfo, clock: Clock, *, batched: bool) -> None:
        config = platform.connection.config
        self._batched = batched
        self.batch_max = config.chunk_logins if batched else 1
        self._platform = platform
        self._failures = platform.connection.authorised.failures
        # v1 has no call that could be shared. The calls for margins and currencies are shared by margins.py.
        concurrent_calls = config.concurrent_live_calls if batched else 0
        self._users_coalescing = coalesce_live_calls(self._users, concurrent_calls, self.batch_max, self._failures)
        self._zone = zone
        self._clock = clock
        self._margins = Margins(self._platform, clock)
        self._currencies = GroupCurrencies(self._platform, GROUP_PATH, clock)

    async def aclose(self) -> None:
        await self._users_coalescing.aclose()
        await self._margins.aclose()
        await self._currencies.aclose()

    async def fetch(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        async def ask(chunk: Sequence[str]) -> Rows:
            rows = await (
                self._users_coalescing.ask(None, chunk, call) if self._batched else self._user_v1(chunk[0], call)
            )
            good = [row for row in rows.values() if isinstance(row, LiveAccountRecord)]
            completed, errors = await self._completed(good, wanted, call)
            return {**rows, **{record.login: record for record in completed}, **errors}

        return await ask_in_chunks(logins, self.batch_max, _LOGINS, ask)

    async def _users(self, chunk: Sequence[str], call: Call) -> Rows:
        """One billed request for many logins. Rows are in no order, and missing logins have none [D, C-spec]."""

        def entries(users: Iterable[Mt4User]) -> dict[str, LiveAccountRecord]:
            return {record.login: record for record in map(self._record, users)}

        def read(answer: HttpAnswer) -> Rows:
            data = open_envelope(answer, self._failures, writes=False)
            return read_rows(data, Mt4User, entries, chunk, self._failures)

        query = [("logins", login) for login in chunk]
        return await self._platform.get(USERS_PATH, read, call, query=query, keys=len(chunk))

    async def _user_v1(self, login: str, call: Call) -> Rows:
        """v1 accepts one login per call. Its answer for an unknown login is not documented: 404, 204 or null count
        [I].
        """

        def read(answer: HttpAnswer) -> Rows:
            check_status(answer, self._failures)
            if answer.status != HTTPStatus.OK or answer.body.strip() in {b"", b"null"}:
                return {}
            record = read_one(answer.body, Mt4User, self._record)
            return require_asked({record.login: record}, [login], self._failures)

        understands = DOCUMENTED | {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}
        return await self._platform.get(USER_V1_PATH, read, call, values={"login": login}, understands=understands)

    def _record(self, user: Mt4User) -> LiveAccountRecord:
        return mt4_record(user, self._clock.now(), self._zone)

    async def _completed(
        self, records: list[LiveAccountRecord], wanted: frozenset[str], call: Call
    ) -> tuple[list[LiveAccountRecord], Mapping[str, UpstreamError]]:
        errors: Mapping[str, UpstreamError] = {}
        if records and wanted & MARGIN_FIELDS:
            records, errors = await self._margins.add(records, call)
        if records and "currency" in wanted:
            records = await add_currencies(records, self._currencies, call)
        return records, errors


async def add_currencies(
    records: list[LiveAccountRecord], currencies: GroupCurrencies, call: Call
) -> list[LiveAccountRecord]:
    """The records with their groups' currencies. None for a group that the server does not know, or cannot describe."""
    groups = sorted({record.group for record in records if record.group})

    async def ask(group: str) -> str | None:
        try:
            return await currencies.of(group, call)
        except (Rejected, Misunderstood):
            return None

    found = dict(zip(groups, await asyncio.gather(*map(ask, groups)), strict=True))
    return [structs.replace(record, currency=found.get(record.group or "")) for record in records]


def mt4_server(
    name: str, config: ServerConfig, connection: CPluginConnection, zone: ZoneInfo, clock: Clock
) -> Platform:
    """Build a server. v1 has no idempotency key and no history, but reads of v2 show the bookings of v1 on the
    server.
    """
    v2 = connection.config.api == "v2" or connection.config.read_through_v2
    platform = TradePlatform(connection, config.id, name)
    accounts = Mt4Accounts(platform, name, config.groups)
    absence = absence_counts_after(connection.config.write_timeout_header_seconds + GRACE_SECONDS)
    live = Mt4Live(platform, zone, clock, batched=v2)
    return Platform(
        name=name,
        system=SYSTEM,
        live=live,
        deposits=Mt4BalanceOperations(platform) if config.deposits else None,
        # The margin is read before each withdrawal, and v1 documents no call for it.
        withdrawals=Mt4Withdrawals(platform) if config.withdrawals and v2 else None,
        money_history=Mt4MoneyHistory(platform, zone, absence) if v2 else None,
        # A new account needs an allowed group.
        accounts=accounts if config.groups else None,
        account_history=Mt4AccountHistory(platform, zone, accounts, absence) if v2 else None,
        open_positions=Mt4OpenPositions(platform, zone, clock, live) if v2 else None,
        closed_trades=Mt4ClosedTrades(platform, zone) if v2 else None,
        daily_reports=Mt4DailyReports(platform, zone) if v2 else None,
        books_check=Mt4BooksCheck(platform) if v2 else None,
    )
