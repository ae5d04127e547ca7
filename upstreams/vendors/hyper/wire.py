"""Hyper's answers on the wire, and the records that are made of them [D, H-1675, H-1244, H-1226]."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from core.commands import NewAccountReceipt
from core.errors import UpstreamError
from core.records import LiveBalance, LiveClientRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.failures import Failures
from upstreams.vendors.kit.rows import NONSENSE, read_one, unreadable_row

T = TypeVar("T")

_NULL: Final = msgspec.Raw(b"null")
VALUE_PREFIX = "Value_"
TOTAL_PREFIX = "Total_Floating_Balance_"

# `Status` is a text in the vendor's table and a number in its samples. The numbers follow the order of the table [I].
ACCOUNT_STATUSES = ("Unknown", "Closed", "Readonly", "Active")


class HyperEnvelope(msgspec.Struct):
    """The code of every answer: an int, or a zero-padded text ("007") on older pages."""

    response_code: int | str = msgspec.field(name="ResponseCode")

    @property
    def code(self) -> int:
        code = wire.read_whole(self.response_code)
        if code is None:
            raise wire.Nonsense("no response code")
        return code


class Account(msgspec.Struct):
    login: int | str = msgspec.field(name="AccountLogin")
    data_source: str = msgspec.field(name="DataSource")
    platform: str | None = msgspec.field(name="Platform", default=None)
    status: int | str | None = msgspec.field(name="Status", default=None)
    group: str | None = msgspec.field(name="Group", default=None)
    currency: str | None = msgspec.field(name="Currency", default=None)
    balance: Decimal | None = msgspec.field(name="Balance", default=None)


class CreateAnswer(msgspec.Struct):
    account: msgspec.Raw


class BalanceAnswer(msgspec.Struct):
    """A balance. Only the code is always present: the answer for a restricted client (code 1) may lack the other fields
    [I].
    """

    erp_status: int | str | None = msgspec.field(name="ERP_Account_Status", default=None)
    erp_status_text: str | None = msgspec.field(name="ERP_Account_Status_Text", default=None)
    web_status: int | str | None = msgspec.field(name="Web_Account_Status", default=None)
    web_status_text: str | None = msgspec.field(name="Web_Account_Status_Text", default=None)
    agency: int | str | None = msgspec.field(name="Agency", default=None)


def new_account(body: bytes, *, existed: bool) -> NewAccountReceipt:
    """The account. Only its login and its server are needed: an answer with both proves that it exists."""
    return read_one(
        wire.decode(body, CreateAnswer).account, Account, lambda account: _receipt(account, existed=existed)
    )


def _receipt(account: Account, *, existed: bool) -> NewAccountReceipt:
    login = wire.read_text(account.login)
    if login is None or not account.data_source:
        raise wire.Nonsense("an account without login or data source")
    return NewAccountReceipt(
        server=account.data_source,
        login=login,
        existed=existed,
        platform=account.platform,
        status=_status(account.status),
        group=account.group,
        currency=account.currency,
        balance=wire.read_money(account.balance),
    )


def live_client(body: bytes, client_number: int, code: int, now: datetime, failures: Failures) -> LiveClientRecord:
    """The record. Unreadable balances, or an unreadable total, are an error in its place."""
    everything = wire.decode(body, dict[str, msgspec.Raw])
    rows = _read_or_error(lambda: _balances(everything.get("Data", _NULL)), failures)
    total = _read_or_error(lambda: _suffixed(everything, TOTAL_PREFIX), failures)
    suffixes = {_suffix(everything, TOTAL_PREFIX)}
    if isinstance(rows, list):
        suffixes |= {suffix for _, suffix in rows}
    suffixes.discard(None)
    if len(suffixes) > 1:
        raise wire.Nonsense("two accounting currencies in one answer")

    def record(answer: BalanceAnswer) -> LiveClientRecord:
        return LiveClientRecord(
            client_number=client_number,
            response_code=code,
            erp_status=wire.read_whole(answer.erp_status),
            erp_status_text=answer.erp_status_text,
            web_status=wire.read_whole(answer.web_status),
            web_status_text=answer.web_status_text,
            agency=wire.read_whole(answer.agency),
            balances=tuple(balance for balance, _ in rows) if isinstance(rows, list) else rows,
            accounting_currency=next(iter(suffixes), None),
            total_floating_balance=total,
            observed_at=now,
        )

    return read_one(body, BalanceAnswer, record)


def _read_or_error(read: Callable[[], T], failures: Failures) -> T | UpstreamError:
    try:
        return read()
    except (*NONSENSE, LookupError) as error:
        return unreadable_row(type(error).__name__, failures)


def _balances(data: msgspec.Raw) -> list[tuple[LiveBalance, str | None]] | None:
    """The balances, each with the accounting currency of its value."""
    rows = msgspec.json.decode(data, type=list[dict[str, msgspec.Raw]] | None)
    if rows is None:
        return None
    balances = [(_balance(row), _suffix(row, VALUE_PREFIX)) for row in rows]
    if len({balance.currency for balance, _ in balances}) < len(balances):
        raise wire.Nonsense("a currency twice")
    return balances


def _balance(row: Mapping[str, msgspec.Raw]) -> LiveBalance:
    return LiveBalance(
        currency=msgspec.json.decode(row["Currency"], type=str),
        balance=wire.read_required_money(wire.read_raw_number(row["Balance"])),
        cash=wire.read_required_money(wire.read_raw_number(row["Cash"])),
        value=_suffixed(row, VALUE_PREFIX),
    )


def _suffix(row: Mapping[str, msgspec.Raw], prefix: str) -> str | None:
    """The accounting currency, with which the name of a field ends: `Value_ILS`."""
    return next((name.removeprefix(prefix) for name in row if name.startswith(prefix)), None)


def _suffixed(row: Mapping[str, msgspec.Raw], prefix: str) -> Decimal | None:
    """The value of that field."""
    return next((wire.read_raw_number(raw) for name, raw in row.items() if name.startswith(prefix)), None)


def _status(value: int | str | None) -> int | None:
    if isinstance(value, str) and value.capitalize() in ACCOUNT_STATUSES:
        return ACCOUNT_STATUSES.index(value.capitalize())
    return wire.read_whole(value)
