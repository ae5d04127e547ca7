"""Hyper's answers on the wire, and the records that are made of them [D, H-1675, H-1244, H-1226]."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from core.commands import NewAccountReceipt
from core.records import LiveBalance, LiveClientRecord
from upstreams.http import lenient_json as wire

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
    account: Account


class BalanceAnswer(msgspec.Struct):
    """A balance. Only the code is always present: the answer for a restricted client (code 1) may lack the other fields
    [I].
    """

    erp_status: int | str | None = msgspec.field(name="ERP_Account_Status", default=None)
    erp_status_text: str | None = msgspec.field(name="ERP_Account_Status_Text", default=None)
    web_status: int | str | None = msgspec.field(name="Web_Account_Status", default=None)
    web_status_text: str | None = msgspec.field(name="Web_Account_Status_Text", default=None)
    agency: int | str | None = msgspec.field(name="Agency", default=None)
    data: list[dict[str, msgspec.Raw]] | None = msgspec.field(name="Data", default=None)


def new_account(body: bytes, *, existed: bool) -> NewAccountReceipt:
    account = wire.decode(body, CreateAnswer).account
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


def live_client(body: bytes, client_number: int, code: int, now: datetime) -> LiveClientRecord:
    answer = wire.decode(body, BalanceAnswer)
    everything = wire.decode(body, dict[str, msgspec.Raw])
    total = _suffixed(everything, TOTAL_PREFIX)
    rows = None if answer.data is None else [_balance(row) for row in answer.data]
    suffixes = {suffix for suffix, _ in [total, *(suffix for _, suffix in rows or ())] if suffix}
    if len(suffixes) > 1:
        raise wire.Nonsense("two accounting currencies in one answer")
    return LiveClientRecord(
        client_number=client_number,
        response_code=code,
        erp_status=wire.read_whole(answer.erp_status),
        erp_status_text=answer.erp_status_text,
        web_status=wire.read_whole(answer.web_status),
        web_status_text=answer.web_status_text,
        agency=wire.read_whole(answer.agency),
        balances=None if rows is None else tuple(balance for balance, _ in rows),
        accounting_currency=next(iter(suffixes), None),
        total_floating_balance=total[1],
        observed_at=now,
    )


def _balance(row: Mapping[str, msgspec.Raw]) -> tuple[LiveBalance, tuple[str | None, Decimal | None]]:
    currency = msgspec.json.decode(row["Currency"], type=str)
    value = _suffixed(row, VALUE_PREFIX)
    balance = LiveBalance(
        currency=currency,
        balance=wire.read_required_money(wire.read_raw_number(row["Balance"])),
        cash=wire.read_required_money(wire.read_raw_number(row["Cash"])),
        value=value[1],
    )
    return balance, value


def _suffixed(row: Mapping[str, msgspec.Raw], prefix: str) -> tuple[str | None, Decimal | None]:
    """The currency and the value of a field whose name ends with the accounting currency: `Value_ILS`."""
    for name, raw in row.items():
        if name.startswith(prefix):
            return name.removeprefix(prefix), wire.read_raw_number(raw)
    return None, None


def _status(value: int | str | None) -> int | None:
    if isinstance(value, str) and value.capitalize() in ACCOUNT_STATUSES:
        return ACCOUNT_STATUSES.index(value.capitalize())
    return wire.read_whole(value)
