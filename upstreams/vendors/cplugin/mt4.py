"""An MT4 server behind CPlugin: many logins in one live call, deposits, new accounts."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import structs

from core.call import Call
from core.clock import Clock
from core.commands import DepositOrder, DepositReceipt, NewAccountOrder, NewAccountReceipt
from core.errors import Reason, Rejected, System
from core.records import LiveAccountRecord
from upstreams.flow.coalescing import Sharing
from upstreams.http import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.account_search import Users
from upstreams.vendors.cplugin.connection import CPluginConnection
from upstreams.vendors.cplugin.deposit_history import History
from upstreams.vendors.cplugin.deposits import Deposits
from upstreams.vendors.cplugin.envelope import DOCUMENTED, admitted, opened
from upstreams.vendors.cplugin.margins import MARGIN_FIELDS, GroupCurrencies, Margins
from upstreams.vendors.cplugin.new_accounts import Accounts
from upstreams.vendors.cplugin.reads import Door, Mt4User, mt4_record
from upstreams.vendors.cplugin.writes import GRACE_SECONDS
from upstreams.vendors.kit.history_search import absence_counts_after, searched
from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, NumbersUpTo, Rows, in_chunks, live_gate
from upstreams.vendors.kit.protocol import AccountPolicy, DepositPolicy, LiveAnswer, PreparedAccount, PreparedDeposit
from upstreams.vendors.kit.rows import only, read_rows
from upstreams.vendors.kit.server_config import ServerConfig

USERS_PATH = "/api/v2/MT4/{tradePlatform}/UserRecordsRequest"
USER_V1_PATH = "/api/MT4/{tradePlatform}/UserRecordGet/{login}"
GROUP_PATH = "/api/v2/MT4/{tradePlatform}/GroupRecordGet/{group}"
NOT_FOUND = 404

_LOGINS = NumbersUpTo(MT4_LARGEST_LOGIN)


class Mt4Server:
    system = System.CPLUGIN
    has_live_figures = True

    def __init__(
        self, name: str, config: ServerConfig, connection: CPluginConnection, zone: ZoneInfo, clock: Clock
    ) -> None:
        self.name = name
        self.can_deposit = config.deposits
        # Without an allowed group there is nothing that an account could be made in.
        self.can_create_accounts = bool(config.groups)
        self._v2 = connection.config.api == "v2" or connection.config.read_through_v2
        self.batch_max = connection.config.chunk_logins if self._v2 else 1
        self._door = Door(connection, config.id, name)
        self._failures = connection.authorised.failures
        # v1 has no call that could be shared. What completes the records is shared in its own way (margins.py).
        sharing = Sharing(connection.config.live_calls_at_once if self._v2 else 0, self.batch_max)
        self._users_gate = live_gate(self._users, sharing, self._failures)
        self._zone = zone
        self._clock = clock
        self._margins = Margins(self._door, clock)
        self._currencies = GroupCurrencies(self._door, GROUP_PATH, clock)
        self._deposits = Deposits(self._door)
        self._accounts = Accounts(self._door, name, config.groups)
        self._history = History(self._door, zone)
        self._accounts_made = Users(self._door)
        # v1 takes no key and shows no history of its own; v2's reads see what v1 booked, for the server is the same.
        absence = absence_counts_after(connection.config.write_timeout_header_seconds + GRACE_SECONDS)
        self.deposit_policy = DepositPolicy(
            finds_by_reference=self._v2, absence_counts_after=absence, one_open_per_account=not self._v2
        )
        self.account_policy = AccountPolicy(finds_by_reference=self._v2, absence_counts_after=absence)

    async def aclose(self) -> None:
        await self._users_gate.aclose()
        await self._margins.aclose()
        await self._currencies.aclose()

    async def live(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        async def ask(chunk: Sequence[str]) -> Rows:
            rows = await (self._users_gate.ask(None, chunk, call) if self._v2 else self._user_v1(chunk[0], call))
            good = [row for row in rows.values() if isinstance(row, LiveAccountRecord)]
            completed = await self._completed(good, wanted, call)
            return {**rows, **{record.login: record for record in completed}}

        return await in_chunks(logins, self.batch_max, _LOGINS, ask)

    async def prepare_deposit(self, order: DepositOrder, call: Call) -> PreparedDeposit:
        if not self.can_deposit:
            raise self._failures.rejected(Reason.NOT_SUPPORTED, "Deposits are not switched on for this server.")
        if order.login not in _LOGINS:
            raise self._failures.rejected(Reason.NOT_FOUND, "The server cannot have such a login.")
        return await self._deposits.prepare(order, call)

    async def prepare_account(self, order: NewAccountOrder, call: Call) -> PreparedAccount:
        return await self._accounts.prepare(order, call)

    async def find_deposit(self, order: DepositOrder, sent_at: datetime, call: Call) -> DepositReceipt | None:
        if not self.deposit_policy.finds_by_reference:
            raise self._failures.rejected(Reason.NOT_SUPPORTED, "v1 shows no history.")
        return await searched(self._history.find(order, sent_at, call), self._failures)

    async def find_account(self, order: NewAccountOrder, sent_at: datetime, call: Call) -> NewAccountReceipt | None:  # noqa: ARG002
        """The list has no times to search by, so it is read whole."""
        if not self.account_policy.finds_by_reference:
            raise self._failures.rejected(Reason.NOT_SUPPORTED, "v1 shows no list of accounts that can be searched.")
        user = await searched(self._accounts_made.find(order, call), self._failures)
        if user is None:
            return None
        return await self._accounts.resume(str(user.login), order, call, has_password=user.in_use(self._zone))

    async def _users(self, chunk: Sequence[str], call: Call) -> Rows:
        """One billed request for many logins; order not kept, missing ones left out [D, C-spec]."""

        def entries(users: Iterable[Mt4User]) -> dict[str, LiveAccountRecord]:
            return {record.login: record for record in map(self._record, users)}

        def read(answer: HttpAnswer) -> Rows:
            data = opened(answer, self._failures, writes=False)
            return read_rows(data, Mt4User, entries, chunk, self._failures)

        query = [("logins", login) for login in chunk]
        return await self._door.get(USERS_PATH, read, call, query=query, keys=len(chunk))

    async def _user_v1(self, login: str, call: Call) -> Rows:
        """v1 knows one login a call. How it says "not found" is not documented: 404, 204 or null will do [I]."""

        def read(answer: HttpAnswer) -> Rows:
            admitted(answer, self._failures)
            if answer.status != 200 or answer.body.strip() in {b"", b"null"}:  # noqa: PLR2004
                return {}
            record = self._record(wire.decode(answer.body, Mt4User))
            return only({record.login: record}, [login], self._failures)

        understands = DOCUMENTED | {204, NOT_FOUND}
        return await self._door.get(USER_V1_PATH, read, call, values={"login": login}, understands=understands)

    def _record(self, user: Mt4User) -> LiveAccountRecord:
        return mt4_record(user, self._clock.now(), self._zone)

    async def _completed(
        self, records: list[LiveAccountRecord], wanted: frozenset[str], call: Call
    ) -> list[LiveAccountRecord]:
        if records and wanted & MARGIN_FIELDS:
            records = await self._margins.added(records, call)
        if records and "currency" in wanted:
            records = await with_currencies(records, self._currencies, call)
        return records


async def with_currencies(
    records: list[LiveAccountRecord], currencies: GroupCurrencies, call: Call
) -> list[LiveAccountRecord]:
    """Each group is asked for once; a group that the server does not know has no currency."""
    groups = sorted({record.group for record in records if record.group})

    async def ask(group: str) -> str | None:
        try:
            return await currencies.of(group, call)
        except Rejected:
            return None

    found = dict(zip(groups, await asyncio.gather(*map(ask, groups)), strict=True))
    return [structs.replace(record, currency=found.get(record.group or "")) for record in records]
