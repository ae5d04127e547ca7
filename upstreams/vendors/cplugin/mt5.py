"""An MT5 server behind CPlugin: live figures of one login a call, without equity, and no commands.

None of v2's twelve MT5 operations books an amount or creates an account [D, C-spec].
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

import msgspec

from core.call import Call
from core.errors import Reason, Rejected
from core.records import LiveAccountRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin import account_flags as flags
from upstreams.vendors.cplugin.connection import SYSTEM, CPluginConnection
from upstreams.vendors.cplugin.envelope import open_envelope
from upstreams.vendors.cplugin.margins import GroupCurrencies
from upstreams.vendors.cplugin.mt4 import add_currencies
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.live_batches import MT5_LARGEST_LOGIN, NumbersUpTo, Rows, ask_in_chunks
from upstreams.vendors.kit.protocol import LiveAnswer, Platform
from upstreams.vendors.kit.rows import read_one, require_asked
from upstreams.vendors.kit.server_config import ServerConfig

USER_PATH = "/api/v2/MT5/{tradePlatform}/UserGet/{login}"
MT5_GROUP_PATH = "/api/v2/MT5/{tradePlatform}/GroupGet/{group}"

_LOGINS = NumbersUpTo(MT5_LARGEST_LOGIN)


class _User(msgspec.Struct):
    MONEY: ClassVar = frozenset({"balance", "credit"})

    login: int
    group: str | None = None
    leverage: Decimal | None = None
    balance: Decimal | None = None
    credit: Decimal | None = None
    rights: int | str | None = None
    registration: str | None = None
    lead_source: int | str | None = msgspec.field(name="leadSource", default=None)


class Mt5Live:
    """The live figures of one server."""

    batch_max: Final = 1

    def __init__(self, name: str, config: ServerConfig, connection: CPluginConnection, zone: ZoneInfo) -> None:
        self._platform = TradePlatform(connection, config.id, name)
        self._failures = connection.authorised.failures
        self._clock = connection.authorised.link.clock
        self._zone = zone
        self._currencies = GroupCurrencies(self._platform, MT5_GROUP_PATH, self._clock)

    async def aclose(self) -> None:
        await self._currencies.aclose()

    async def fetch(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        async def ask(chunk: Sequence[str]) -> Rows:
            record = await self._user(chunk[0], call)
            if record is None:
                return {}
            if "currency" in wanted:
                [record] = await add_currencies([record], self._currencies, call)
            return {record.login: record}

        return await ask_in_chunks(logins, self.batch_max, _LOGINS, ask)

    async def _user(self, login: str, call: Call) -> LiveAccountRecord | None:
        def read(answer: HttpAnswer) -> LiveAccountRecord:
            data = open_envelope(answer, self._failures, writes=False)
            record = read_one(data, _User, self._record)
            return require_asked({record.login: record}, [login], self._failures)[login]

        try:
            return await self._platform.get(USER_PATH, read, call, values={"login": login})
        except Rejected as error:
            if error.reason is Reason.NOT_FOUND:
                return None
            raise

    def _record(self, user: _User) -> LiveAccountRecord:
        bits = flags.bits(user.rights, flags.MT5_NAMES)
        return LiveAccountRecord(
            login=str(user.login),
            observed_at=self._clock.now(),
            system=SYSTEM,
            balance=wire.read_required_double(user.balance),
            credit=wire.read_double(user.credit),
            group=wire.read_text(user.group),
            leverage=wire.read_money(user.leverage),
            enabled=None if bits is None else bool(bits & flags.MT5_ENABLED),
            read_only=None if bits is None else bool(bits & flags.MT5_TRADE_DISABLED),
            lead_source=wire.read_text(user.lead_source),
            registered_at=wire.read_local_stamp(user.registration, self._zone),
        )


def mt5_server(name: str, config: ServerConfig, connection: CPluginConnection, zone: ZoneInfo) -> Platform:
    return Platform(name=name, system=SYSTEM, live=Mt5Live(name, config, connection, zone))
