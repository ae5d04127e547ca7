"""Exact money: the quantum of each currency, and the only code that rounds and prints amounts."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

MAX_INTEGER_DIGITS = 18
MAX_FRACTION_DIGITS = 8

# 64 digits are enough for every product of two amounts of the sizes above. The default of 28 digits is not enough.
EXACT = Context(prec=64, rounding=ROUND_HALF_EVEN)
# A numeric of PostgreSQL has at most 147,455 digits. A database may hold such a number, and it is shown as it is.
_OF_ANY_SIZE = Context(prec=150_000, rounding=ROUND_HALF_EVEN)

# ISO 4217 minor units other than two, for the currencies that brokers hold. Crypto assets have eight places.
_FRACTION_DIGITS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(
        ("ADA", "ATOM", "AVAX", "BCH", "BNB", "BTC", "DAI", "DOGE", "DOT", "ETC", "ETH", "LINK", "LTC", "MATIC"), 8
    ),
    **dict.fromkeys(("NEAR", "SHIB", "SOL", "TON", "TRX", "UNI", "USDC", "USDT", "XLM", "XMR", "XRP"), 8),
}
_DEFAULT_FRACTION_DIGITS = 2
_QUANTA = tuple(Decimal(1).scaleb(-digits) for digits in range(MAX_FRACTION_DIGITS + 1))


def quantum(currency: str) -> Decimal:
    """The smallest amount of the currency: 0.01 for USD, 1 for JPY, 0.00000001 for BTC, and 0.01 for an unknown one."""
    return _QUANTA[_FRACTION_DIGITS.get(currency, _DEFAULT_FRACTION_DIGITS)]


def fraction_digits() -> tuple[int, Mapping[str, int]]:
    """The default number of decimal places, and the numbers of currencies that differ. The SQL code is generated from
    these.
    """
    return _DEFAULT_FRACTION_DIGITS, _FRACTION_DIGITS


def is_whole(amount: Decimal, currency: str) -> bool:
    """Whether a ledger can hold the amount exactly: it is a whole number of the currency's quanta."""
    return _OF_ANY_SIZE.remainder(amount, quantum(currency)) == 0


def divide(dividend: Decimal, divisor: Decimal, places: int) -> Decimal | None:
    """The quotient, rounded half-even to `places`. None if the divisor is zero."""
    if not divisor:
        return None
    digits = dividend.adjusted() - divisor.adjusted() + places + 2
    with localcontext(EXACT, prec=max(EXACT.prec, digits)):
        return (dividend / divisor).quantize(Decimal(1).scaleb(-places))


def total(amounts: list[Decimal]) -> Decimal:
    """The exact sum, whatever its size."""
    with localcontext(_OF_ANY_SIZE):
        return sum(amounts, Decimal(0))


def format_amount(amount: Decimal) -> str:
    """The amount without an exponent: 0.00000001, not 1E-8. Negative zero loses its sign."""
    text = format(amount, "f")
    return text[1:] if text.startswith("-") and not amount else text


def in_currency(amount: Decimal, currency: str) -> Decimal:
    """The same amount with the currency's number of places: 27354 ILS is 27354.00. Further digits are not rounded."""
    wanted = quantum(currency)
    if amount.same_quantum(wanted):
        return amount
    rounded = amount.quantize(wanted, context=_OF_ANY_SIZE)
    return rounded if rounded == amount else amount.normalize(_OF_ANY_SIZE)
