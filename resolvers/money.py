from decimal import Decimal

import strawberry

from resolvers.scalars import CurrencyCode
from upstreams.money import in_currency


@strawberry.type(description="An exact amount beside its currency.")
class Money:
    amount: Decimal = strawberry.field(description="The amount, with at least the currency's own decimal places.")
    currency: CurrencyCode = strawberry.field(description="What the amount is in.")


def money(amount: Decimal | None, currency: str | None) -> Money | None:
    """The amount in the currency; None where either is not known."""
    if amount is None or currency is None:
        return None
    return Money(amount=in_currency(amount, currency), currency=CurrencyCode(currency))
