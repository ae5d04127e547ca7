"""[deposits] and [withdrawals]: limits of money commands. With a limit that can never apply the server does not start,
because operators would not notice the missing limit.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from resolvers.context import MoneyLimits, WithdrawalLimits

# The graph's CurrencyCode (resolvers/types/scalars.py): another currency is refused before its limits are checked.
_CURRENCY: Final = re.compile(r"[A-Z][A-Z0-9]{1,4}", re.ASCII)


class DepositsSection(MoneyLimits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[deposits]"""

    def __post_init__(self) -> None:
        _check_all(self, "maximum", "daily_per_caller", "daily_per_account")


class WithdrawalsSection(WithdrawalLimits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[withdrawals]"""

    def __post_init__(self) -> None:
        _check_all(self, "maximum", "daily_per_caller", "daily_per_account", "approval_above")
        if not 0 < self.approval_expires_hours < math.inf:
            raise ValueError(f"approval_expires_hours must be more than 0, got {self.approval_expires_hours}")


def _check_all(section: MoneyLimits, *names: str) -> None:
    for name in names:
        _check(name, getattr(section, name))


def _check(name: str, limits: Mapping[str, Decimal]) -> None:
    for currency, amount in limits.items():
        if not _CURRENCY.fullmatch(currency):
            raise ValueError(
                f"{name} has {currency!r}, which is not a currency; write its code in 2 to 5 capitals, like USD"
            )
        if not amount.is_finite() or amount <= 0:
            raise ValueError(f"{name}.{currency} must be more than 0, got {amount}; without the line there is no limit")
