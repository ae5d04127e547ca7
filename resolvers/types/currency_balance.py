from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import strawberry

from core.errors import UpstreamError
from core.money import divide, in_currency, total
from core.records import BalanceRecord
from engine.rendering import RequestedField
from resolvers.fields.declare import field
from resolvers.fields.rendering import Compilation, Json, Place, column, rendered, sql
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.directives import needs
from resolvers.policy.scopes import Scope
from resolvers.types.scalars import CurrencyCode
from upstreams.erp.rows import bad_sum


@public(VALUE)
@strawberry.type(description="An exact amount beside its currency.")
class Money:
    amount: Decimal = field(
        "The amount, with at least the currency's own decimal places.", column(sql.amount, "amount", "places")
    )
    currency: CurrencyCode = field("The currency of the amount.", column(sql.text, "currency"))


def money(amount: Decimal | None, currency: str | None) -> Money | None:
    """The amount with its currency; None if one of the two is not known."""
    if amount is None or currency is None:
        return None
    return Money(amount=in_currency(amount, currency), currency=CurrencyCode(currency))


RATE_PLACES = 8


def _value(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    money = compilation.builder.money(place.row.column("value"))
    json = compilation.object(wanted, Place(money, place.path))
    return sql.null_without([money.column("amount"), money.column("currency")], json)


_RATE = rendered(lambda compilation, _wanted, _place: compilation.builder.rate(RATE_PLACES))


@strawberry.type(
    description="A client's balance in one currency. `cash` is `balance` less `held`. `rate` is `value` / `balance`, "
    "rounded half-even to 8 places. `value` and `rate` are null without a current rate.",
    directives=[needs(Scope.BALANCE_READ)],
)
class CurrencyBalance:
    currency: CurrencyCode = field("The currency of the balance.", column(sql.text, "currency"))

    @field("The balance in the ERP's accounts. It is negative for a debt.", column(sql.amount, "balance", "places"))
    def balance(root: strawberry.Parent[BalanceRecord]) -> Decimal:
        return in_currency(root.balance, root.currency)

    @field("The available amount: the balance less the held amount.", column(sql.amount, "cash", "places"))
    def cash(root: strawberry.Parent[BalanceRecord]) -> Decimal:
        return in_currency(root.cash, root.currency)

    @field(
        "The amount that is reserved for withdrawals, orders, margin or tax.",
        column(sql.difference, "balance", "cash", "places"),
    )
    def held(root: strawberry.Parent[BalanceRecord]) -> Decimal:
        return in_currency(total([root.balance, -root.cash]), root.currency)

    @field("The balance in the accounting currency at the current rate; null without a rate.", rendered(_value))
    def value(root: strawberry.Parent[BalanceRecord]) -> Money | None:
        try:
            return money(root.value, root.accounting_currency)
        except UpstreamError as error:
            return _unreadable_money(error, root.accounting_currency)

    @field(
        "The price of one unit in the accounting currency: value / balance, to 8 places; null without a rate.", _RATE
    )
    def rate(root: strawberry.Parent[BalanceRecord]) -> Decimal | None:
        return None if root.value is None else divide(root.value, root.balance, RATE_PLACES)


def total_value(balances: list[BalanceRecord], accounting_currency: str | None = None) -> Money | None:
    """The sum of all values; None, never partial, when one of them has no current rate."""
    currency = balances[0].accounting_currency if balances else accounting_currency
    try:
        values = [balance.value for balance in balances if balance.value is not None]
    except UpstreamError as error:
        return _unreadable_money(error, currency)
    if len(values) < len(balances):
        return None
    return money(total(values), currency)


def exact_sum(amounts: Sequence[Decimal | None], view: str, column: str) -> Decimal | UpstreamError | None:
    """The sum; None, never partial, when an amount is missing. An error when an amount is no number."""
    if not all(amount is None or amount.is_finite() for amount in amounts):
        return bad_sum(view, column)
    return None if None in amounts else total([amount for amount in amounts if amount is not None])


def _unreadable_money(error: UpstreamError, currency: str | None) -> Money | None:
    """Money whose amount is an error."""
    amount: Any = error
    return None if currency is None else Money(amount=amount, currency=CurrencyCode(currency))


def currency_of(balance: BalanceRecord) -> str | None:
    """The balance's currency, and None where the ERP has none."""
    try:
        return balance.currency
    except UpstreamError:
        return None
