"""Reads of one trade platform, and the records of MT4 users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

import msgspec

from core.call import Call
from core.records import LiveAccountRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Read, T
from upstreams.http.request import HttpRequest
from upstreams.vendors.cplugin import account_flags as flags
from upstreams.vendors.cplugin.connection import SYSTEM, CPluginConnection
from upstreams.vendors.cplugin.envelope import DOCUMENTED


@dataclass(frozen=True, slots=True)
class TradePlatform:
    """One trade platform behind a CPlugin connection. `lane` is our name of the server."""

    connection: CPluginConnection
    trade_platform: str
    lane: str

    async def get(  # noqa: PLR0913 - the parts of a GET.
        self,
        path: str,
        read: Read[T],
        call: Call,
        *,
        values: Mapping[str, str] | None = None,
        query: Sequence[tuple[str, str]] = (),
        keys: int = 1,
        alone: bool = False,
        understands: frozenset[int] = DOCUMENTED,
        max_answer_bytes: int | None = None,
    ) -> T:
        request = HttpRequest(
            "GET",
            path,
            {"tradePlatform": self.trade_platform, **(values or {})},
            query=query,
            headers={"x-request-timeout": str(self.connection.config.read_timeout_header_seconds)},
            understands=understands,
            lane=self.lane,
            keys=keys,
            alone=alone,
            max_answer_bytes=max_answer_bytes,
        )
        return await self.connection.authorised.read(request, read, call)


class Mt4User(msgspec.Struct):
    """The fields of MT4User that we read [D, C-spec]. It has neither currency nor equity."""

    MONEY: ClassVar = frozenset({"balance", "credit"})

    login: int
    group: str | None = None
    leverage: Decimal | None = None
    balance: Decimal | None = None
    credit: Decimal | None = None
    enable_flags: int | str | None = msgspec.field(name="enableFlags", default=None)
    send_reports: bool | int | str | None = msgspec.field(name="sendReports", default=None)
    lead_source: int | str | None = msgspec.field(name="leadSource", default=None)
    registered: str | None = msgspec.field(name="registrationDate", default=None)


def mt4_record(user: Mt4User, now: datetime, zone: ZoneInfo) -> LiveAccountRecord:
    bits = flags.bits(user.enable_flags, flags.MT4_NAMES)
    return LiveAccountRecord(
        login=str(user.login),
        observed_at=now,
        system=SYSTEM,
        balance=wire.read_required_double(user.balance),
        credit=wire.read_double(user.credit),
        group=wire.read_text(user.group),
        leverage=wire.read_money(user.leverage),
        enabled=None if bits is None else bool(bits & flags.MT4_ENABLED),
        read_only=None if bits is None else bool(bits & flags.MT4_READ_ONLY),
        send_reports=wire.read_flag(user.send_reports),
        lead_source=wire.read_text(user.lead_source),
        registered_at=wire.read_local_stamp(user.registered, zone),
    )
