"""MetaTrader's account flags: a number, or names with commas, such as "None" for zero and "Bit<n>" for other bits."""

from collections.abc import Mapping

from upstreams.http.decoding import lenient_json as wire

# MT4 enableFlags, build 1455 [D, C-spec]. The documentation spells each name in two ways.
MT4_ENABLED, MT4_READ_ONLY = 0x01, 0x04
MT4_NAMES: Mapping[str, int] = {
    "enabled": MT4_ENABLED,
    "enable": MT4_ENABLED,
    "readonly": MT4_READ_ONLY,
    "enablereadonly": MT4_READ_ONLY,
}

# MT5 rights [C, MT5-h]: TradeDisabled set means that the account cannot trade.
MT5_ENABLED, MT5_TRADE_DISABLED = 0x1, 0x4
MT5_NAMES: Mapping[str, int] = {"enabled": MT5_ENABLED, "tradedisabled": MT5_TRADE_DISABLED}
_MOST_DIGITS = 2


def bits(value: int | str | None, names: Mapping[str, int]) -> int | None:
    """The known bits; None if the answer has no flags."""
    if value is None or isinstance(value, int):
        return value
    if value.strip().isdecimal():
        return wire.read_whole(value)
    known = 0
    for word in value.split(","):
        name = word.strip().lower().replace("_", "")
        known |= names.get(name, 0) or _nameless(name)
    return known


def _nameless(name: str) -> int:
    number = name.removeprefix("bit")
    is_number = number.isdecimal() and len(number) <= _MOST_DIGITS
    return 1 << int(number) if name.startswith("bit") and is_number else 0
