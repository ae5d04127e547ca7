"""[deposits]: limits of deposits. With a limit that can never apply the server does not start, because operators would
not notice the missing limit.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from resolvers.context import DepositLimits

# The graph's CurrencyCode (resolvers/types/scalars.py): another currency is refused before its limits are checked.
_CURRENCY: Final = re.compile(r"[A-Z][A-Z0-9]{1,4}", re.ASCII)


class DepositsSection(DepositLimits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[deposits]"""

    def __post_init__(self) -> None:
        for name in ("maximum", "daily_per_caller", "daily_per_account"):
            _check(name, getattr(self, name))


def _check(name: str, limits: Mapping[str, Decimal]) -> None:
    for currency, amount in limits.items():
        if not _CURRENCY.fullmatch(currency):
            raise ValueError(
                f"{name} has {currency!r}, which is not a currency; write its code in 2 to 5 capitals, like USD"
            )
        if not amount.is_finite() or amount <= 0:
            raise ValueError(f"{name}.{currency} must be more than 0, got {amount}; without the line there is no limit")
