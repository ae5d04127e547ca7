"""Result codes of MetaTrader 4, by number and by the vendors' names [C, MT4-rc; D, C-py]."""

from collections.abc import Mapping

from core.errors import Reason, UpstreamError
from upstreams.http.failures import Failures

NUMBERS: Mapping[str, int] = {
    "InvalidData": 3,
    "NotEnoughRights": 7,
    "TooFrequent": 8,
    "AccountDisabled": 64,
    "TradeBadVolume": 131,
    "TradeDisable": 133,
    "TradeNoMoney": 134,
    "TradeTooManyReq": 141,
}

REFUSALS: Mapping[int, tuple[Reason, str]] = {
    3: (Reason.VALIDATION_FAILED, "The trading server does not accept the data."),
    7: (Reason.UPSTREAM_REFUSED, "The trading server does not allow this for our credentials."),
    64: (Reason.ACCOUNT_DISABLED, "The account is disabled."),
    131: (Reason.VALIDATION_FAILED, "The trading server does not accept the amount."),
    133: (Reason.ACCOUNT_DISABLED, "The account may not trade."),
    134: (Reason.INSUFFICIENT_FUNDS, "There is not enough money on the account."),
}

# The calls come too fast. The server checks this before it applies a call.
TOO_FAST = frozenset({8, 141})
TOO_FAST_RETRY_SECONDS = 1.0
_MOST_DIGITS = 9


def number_of(code: int | str | None) -> int | None:
    """The number of a code. Vendors write a known code as a name and an unknown one as a number."""
    if isinstance(code, str):
        return NUMBERS.get(code, int(code) if code.isascii() and code.isdigit() and len(code) <= _MOST_DIGITS else None)
    return code


def translate_code(code: int | str | None, failures: Failures) -> UpstreamError | None:
    """The error for a code which proves that nothing was done.

    None for every other code: 4, 6, 128, and codes without a documented meaning for a balance operation.
    """
    number = number_of(code)
    if number in TOO_FAST:
        return failures.rate_limited(TOO_FAST_RETRY_SECONDS, upstream_code=str(code))
    if number is not None and number in REFUSALS:
        reason, message = REFUSALS[number]
        return failures.rejected(reason, message, upstream_code=str(code))
    return None
