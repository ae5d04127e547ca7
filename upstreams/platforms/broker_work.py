"""MT4, MT5 and cTrader behind Leanwork's Broker Work: what an account is, not what is on it [D, seed 004].

`result` says whether a call went well; `mcode` is written `m00000` and `m0000000` and is looked at for failures only.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from upstreams import wire
from upstreams.call import Call
from upstreams.clock import Clock
from upstreams.config import ServerConfig
from upstreams.errors import Reason, System, UpstreamError
from upstreams.faults import Failures
from upstreams.gate import Sharing
from upstreams.http_request import HttpRequest
from upstreams.order_records import DepositOrder, DepositReceipt, NewAccountOrder, NewAccountReceipt
from upstreams.platforms import mt4_codes
from upstreams.platforms.connections import BrokerWorkConnection, Connections, allowed_platform, named, timezone
from upstreams.platforms.live import MT5_LARGEST_LOGIN, Rows, in_chunks, live_gate, number_up_to
from upstreams.platforms.protocol import (
    NO_ACCOUNTS,
    NO_DEPOSITS,
    LiveAnswer,
    PreparedAccount,
    PreparedDeposit,
)
from upstreams.platforms.rows import NONSENSE, read_rows, unreadable_row
from upstreams.records import LiveAccountRecord
from upstreams.transport import HttpAnswer

INFO_PATH = "/v1/api/account/info"

# Logins are text here, but numbers on every platform behind it; anything else would spoil the list for the others.
_can_be = number_up_to(MT5_LARGEST_LOGIN)

CREDENTIALS = frozenset({"BW_API_0000001", "BW_API_0000003"})
NOT_ALLOWED = frozenset({"BW_API_0000004", "RIGHT_NO_00000001"})
MT4_PREFIX = "MT4_"
_SYSTEM = System.BROKER_WORK


class _Envelope(msgspec.Struct):
    result: bool | int | str
    mcode: int | str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(_Envelope)


class _Account(msgspec.Struct, gc=False):
    """Types differ between the document's table and its sample, so both are taken. `oweId` is the vendor's spelling."""

    login: int | str
    currency: str | None = None
    enable: bool | int | str | None = None
    read_only: bool | int | str | None = msgspec.field(name="readOnly", default=None)
    send_reports: bool | int | str | None = msgspec.field(name="sendReports", default=None)
    group: str | None = None
    lead_source: int | str | None = msgspec.field(name="leadSource", default=None)
    leverage: msgspec.Raw = msgspec.Raw(b"null")
    max_leverage: msgspec.Raw = msgspec.field(name="maxLeverage", default=msgspec.Raw(b"null"))
    regdate: str | None = None
    french_risk: bool | int | str | None = msgspec.field(name="frenchRisk", default=None)
    account_type: str | None = msgspec.field(name="accountType", default=None)
    total_margin: int | str | None = msgspec.field(name="totalMarginCalculationType", default=None)
    swap_free: bool | int | str | None = msgspec.field(name="swapFree", default=None)
    owner_id: int | str | None = msgspec.field(name="oweId", default=None)


_Seen = tuple[Any, datetime]


"""A row as it came, as much of it as is wanted, and when: whoever shares it reads the figures that he wants himself."""

_Figures = Sequence[tuple[str, str, Callable[[Any, ZoneInfo], Any]]]


def _as_it_is(value: Any, _zone: ZoneInfo) -> Any:
    return value


def _number(value: msgspec.Raw, _zone: ZoneInfo) -> Any:
    return wire.raw_number(value)


def _text(value: int | str | None, _zone: ZoneInfo) -> Any:
    return wire.text(value)


def _flag(value: bool | int | str | None, _zone: ZoneInfo) -> Any:  # noqa: FBT001 - as vendors write it.
    return wire.flag(value)


# Each figure: the row's attribute, and how it is read.
_FIGURES: Mapping[str, tuple[str, Callable[[Any, ZoneInfo], Any]]] = {
    "group": ("group", _as_it_is),
    "leverage": ("leverage", _number),
    "max_leverage": ("max_leverage", _number),
    "currency": ("currency", _text),
    "enabled": ("enable", _flag),
    "read_only": ("read_only", _flag),
    "send_reports": ("send_reports", _flag),
    "lead_source": ("lead_source", _text),
    "owner_id": ("owner_id", _text),
    "account_type": ("account_type", _text),
    "total_margin_calculation": ("total_margin", _text),
    "swap_free": ("swap_free", _flag),
    "french_risk": ("french_risk", _flag),
    "registered_at": ("regdate", wire.local_stamp),
}


@lru_cache(maxsize=256)
def _row_with(wanted: frozenset[str]) -> type[Any]:
    """The part of `_Account` that holds these figures: what nobody wants is not read."""
    attributes = {"login", *(_FIGURES[name][0] for name in wanted if name in _FIGURES)}
    fields = [
        (one.name, one.type, msgspec.field(name=one.encode_name, default=one.default))
        for one in msgspec.structs.fields(_Account)
        if one.name in attributes
    ]
    return msgspec.defstruct("_Account", [fields[0][:2], *fields[1:]], gc=False)


class BrokerWorkServer:
    """Neither a ticket nor a comment comes back from its balance call, so money is never put through it."""

    system = _SYSTEM
    can_create_accounts = False
    can_deposit = False
    has_live_figures = True
    deposit_policy = NO_DEPOSITS
    account_policy = NO_ACCOUNTS

    def __init__(self, name: str, config: ServerConfig, connection: BrokerWorkConnection, zone: ZoneInfo) -> None:
        self.name = name
        self.batch_max = connection.config.chunk_logins
        self._server_id = config.id
        self._zone = zone
        self._link = connection.link
        sharing = Sharing(connection.config.live_calls_at_once, self.batch_max)
        self._gate = live_gate(self._info, sharing, connection.link.failures)
        self._headers = {
            "x-api-tenantId": connection.config.tenant_id,
            "x-api-token": connection.config.token.reveal(),
        }

    async def aclose(self) -> None:
        """The connection belongs to the house."""
        await self._gate.aclose()

    async def live(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        figures = [(name, *found) for name, found in _FIGURES.items() if name in wanted]
        call = replace(call, wants=wanted)

        async def ask(chunk: Sequence[str]) -> Rows:
            seen = await self._gate.ask(None, chunk, call)
            return {login: self._record(login, one, figures) for login, one in seen.items()}

        return await in_chunks(logins, self.batch_max, _can_be, ask)

    async def prepare_deposit(self, order: DepositOrder, call: Call) -> PreparedDeposit:  # noqa: ARG002
        raise self._link.failures.rejected(Reason.NOT_SUPPORTED, "Broker Work takes no deposits from us.")

    async def prepare_account(self, order: NewAccountOrder, call: Call) -> PreparedAccount:  # noqa: ARG002
        raise self._link.failures.rejected(Reason.NOT_SUPPORTED, "Broker Work makes no accounts for us.")

    async def find_deposit(self, order: DepositOrder, sent_at: datetime, call: Call) -> DepositReceipt | None:  # noqa: ARG002
        raise self._link.failures.rejected(Reason.NOT_SUPPORTED, "There is no history to search.")

    async def find_account(
        self,
        order: NewAccountOrder,  # noqa: ARG002
        sent_at: datetime,  # noqa: ARG002
        call: Call,  # noqa: ARG002
    ) -> NewAccountReceipt | None:
        raise self._link.failures.rejected(Reason.NOT_SUPPORTED, "There is no list of accounts to search.")

    async def _info(self, logins: Sequence[str], call: Call) -> Mapping[str, _Seen | UpstreamError]:
        return await self._link.read(self._request(logins), lambda answer: self._read(answer, logins, call.wants), call)

    def _request(self, chunk: Sequence[str]) -> HttpRequest:
        query = (("serverId", self._server_id), ("accountId", ",".join(chunk)))
        return HttpRequest("GET", INFO_PATH, query=query, headers=self._headers, lane=self.name, keys=len(chunk))

    def _read(
        self, answer: HttpAnswer, chunk: Sequence[str], wanted: frozenset[str]
    ) -> Mapping[str, _Seen | UpstreamError]:
        envelope = _envelope.decode(answer.body)
        if not wire.flag(envelope.result):
            raise failure(envelope.mcode, self._link.failures)
        now = self._link.clock.now()

        def entry(row: Any) -> tuple[str, _Seen]:
            return str(row.login), (row, now)

        return read_rows(envelope.data, _row_with(wanted), entry, chunk, self._link.failures)

    def _record(self, login: str, seen: _Seen | UpstreamError, figures: _Figures) -> LiveAccountRecord | UpstreamError:
        if isinstance(seen, UpstreamError):
            return seen
        row, now = seen
        values = {}
        try:
            # Not a comprehension, whose frame costs as much as a figure.
            for name, attribute, read in figures:
                values[name] = read(getattr(row, attribute), self._zone)
        except NONSENSE as error:
            return unreadable_row(error, self._link.failures)
        return LiveAccountRecord(login, now, _SYSTEM, **values)


def failure(mcode: Any, failures: Failures) -> UpstreamError:
    """What `result: false` means on a read."""
    code = str(mcode) if isinstance(mcode, int | str) else ""
    if code in CREDENTIALS:
        return failures.credentials(code, "our tenant or token is refused")
    if code in NOT_ALLOWED:
        return failures.refused(code)
    if code == "BW_INVALID_SERVERID":
        return failures.rejected(
            Reason.CONNECTION_NOT_FOUND, "Broker Work does not know this server.", upstream_code=code
        )
    if code == "BW_INVALID_PARAM":
        return failures.rejected(
            Reason.VALIDATION_FAILED, "Broker Work does not accept the logins.", upstream_code=code
        )
    refused = mt4_codes.definite(code.removeprefix(MT4_PREFIX), failures) if code.startswith(MT4_PREFIX) else None
    return refused or failures.unavailable("reported an error", upstream_code=code or None)


def build(name: str, config: ServerConfig, connections: Connections, clock: Clock) -> BrokerWorkServer:  # noqa: ARG001
    allowed_platform(name, config, frozenset({"MT4", "MT5", "CTRADER"}))
    connection = named(connections.broker_work, name, config)
    return BrokerWorkServer(name, config, connection, timezone(name, config))
