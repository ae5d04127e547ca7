"""What clients hold, exact."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.rendering import Arguments, RequestedField
from resolvers.context import Context
from resolvers.fields.connections import given
from resolvers.rendering.compiler import Fields, Place, Value, Write, Writing, argument, column
from resolvers.types.currency_balance import RATE_PLACES, money
from resolvers.types.scalars import print_decimal
from upstreams.erp.rendering.builder import Row
from upstreams.erp.rendering.sql_json import Json, Sql, amount, half_even, joined, null_if, text, truncated


def _money(writing: Writing, wanted: RequestedField, place: Place, exact: str) -> Json:
    """An amount in the accounting currency."""
    accounting = writing.composer.accounting
    fields: Fields = {
        "amount": lambda *_: amount(exact, accounting("places")),
        "currency": lambda *_: text(accounting("currency")),
    }
    return writing.object(wanted, fields, place)


def _value(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    body = _money(writing, wanted, place, "b.value")
    return null_if(f"b.value IS NULL OR {writing.composer.accounting('currency')} IS NULL", body)


def _rate(writing: Writing, _wanted: RequestedField, _place: Place) -> Json:
    units = writing.composer.of_each_balance(truncated("b.value", "b.balance", RATE_PLACES))
    return null_if("b.value IS NULL", half_even(units, "b.value", "b.balance", RATE_PLACES))


def _in_currency(exact: str) -> Write:
    return lambda *_: amount(exact, "b.places")


BALANCE: Fields = {
    "currency": column(text, "currency"),
    "balance": _in_currency("b.balance"),
    "cash": _in_currency("b.cash"),
    "held": _in_currency("(b.balance - b.cash)"),
    "value": _value,
    "rate": _rate,
}


def balances(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    only = None
    if wanted.arguments:
        only = writing.composer.parameter(writing.parameter(argument(wanted, "currencies", _currencies)), "text[]")
    return writing.composer.balances(writing.object(wanted, BALANCE, Place(Row("b"), place.path)), only)


def _currencies(asked: Any) -> tuple[str, ...] | None:
    wanted = given(asked)
    return None if wanted is None else tuple(wanted)


def total_floating_balance(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    """Null, never partial, where a value is not known; a client without balances has a total of zero."""
    composer = writing.composer
    total, everything, known = (composer.of_balances(one) for one in ("sum(b.value)", "count(*)", "count(b.value)"))
    nothing = composer.parameter(writing.parameter(_nothing(wanted)), "text")
    unknown = f"{everything} > {known} OR {composer.accounting('currency')} IS NULL"
    written = joined(null_if(unknown, _money(writing, wanted, place, total)))
    return [Sql(f"CASE WHEN {everything} IS NULL THEN {nothing} ELSE {written} END")]


def _nothing(wanted: RequestedField) -> Value:
    def value(context: Context, _arguments: Arguments) -> str:
        found = money(Decimal(0), context.services.accounting_currency)
        if found is None:
            return "null"
        said = {"amount": print_decimal(found.amount), "currency": found.currency, "__typename": "Money"}
        return msgspec.json.encode({one.key: said[one.name] for one in wanted.fields}).decode()

    return value
