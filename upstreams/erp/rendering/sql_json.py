"""How columns become JSON text inside a statement.

Money is exact and in plain notation, as core/money.py prints it: the tests compare the two. A value without a valid
text (a forbidden null, NaN) makes its whole text NULL, which `marked` replaces by a mark. After a mark the resolvers
answer instead, and report the error and its place.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

from core.money import EXACT, fraction_digits

# JSON text contains neither, because its writers escape control characters.
HOLE: Final = "\x01"
UNRENDERED: Final = "\x02"

_AS_JSON: Final = "to_json"
_AS_SCALAR: Final = "JSON_SCALAR"
_SCALARS_SINCE: Final = 17
# Python, and therefore a resolver, supports no other years.
_FIRST: Final = "0001-01-01 00:00:00+00"
_AFTER_LAST: Final = "10000-01-01 00:00:00+00"


class Sql(str):
    """An SQL expression of type text that yields JSON. All other parts are finished JSON."""

    __slots__ = ()


Json = Sequence[str]
"""JSON in pieces of literal text and Sql, which || joins."""


def quoted(text: str) -> str:
    """An SQL literal. The text must be free of backslashes and NUL."""
    return "'" + text.replace("'", "''") + "'"


def joined(json: Json) -> Sql:
    """The pieces as one SQL expression. Adjacent literals become one literal."""
    pieces: list[str] = []
    literal = ""
    for one in json:
        if not isinstance(one, Sql):
            literal += one
            continue
        if literal:
            pieces.append(quoted(literal))
        literal = ""
        pieces.append(one)
    if literal or not pieces:
        pieces.append(quoted(literal))
    return Sql(" || ".join(pieces))


def object_of(members: Iterable[tuple[str, Json]]) -> Json:
    """A JSON object with these names, which are plain ASCII names."""
    pieces: list[str] = []
    for name, json in members:
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(f"{name!r} is no name")
        pieces += [f'{"," if pieces else "{"}"{name}":', *json]
    return [*pieces, "}"] if pieces else ["{}"]


def spelled(sql: str, major: int) -> str:
    """The statement for this major version of PostgreSQL; 0 is for any. to_json looks up the type of its argument for
    each value, which is its largest cost. JSON_SCALAR looks it up once.
    """
    return sql.replace(f"{_AS_JSON}(", f"{_AS_SCALAR}(") if major >= _SCALARS_SINCE else sql


def given(json: str) -> Json:
    """Finished JSON: a literal text or Sql."""
    return [json]


def null_if(condition: str, json: Json) -> Json:
    return [Sql(f"CASE WHEN {condition} THEN 'null' ELSE {joined(json)} END")]


def null_without(columns: Sequence[str], json: Json) -> Json:
    """Null if one of the columns has no value."""
    return null_if(" OR ".join(f"{column} IS NULL" for column in columns), json)


def number(column: str) -> Json:
    """An integer column."""
    return [plain(column)]


def text_of(column: str) -> Sql:
    """A text with its quotes; NULL for none."""
    return Sql(f"{_AS_JSON}({column})::text")


def text(column: str) -> Json:
    return [text_of(column)]


def plain(column: str) -> Sql:
    """A column's own text, without quotes."""
    return Sql(f"{column}::text")


def text_or_null(column: str) -> Json:
    return [Sql(f"coalesce({text_of(column)}, 'null')")]


def instant(column: str) -> Json:
    """A timestamptz, in UTC with milliseconds. NULL for a year outside of 1 to 9999."""
    text = f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
    return ['"', Sql(f"CASE WHEN {column} >= '{_FIRST}' AND {column} < '{_AFTER_LAST}' THEN {text} END"), '"']


def instant_or_null(column: str) -> Json:
    return null_without([column], instant(column))


def is_one_of(column: str, codes: Iterable[int]) -> Json:
    """Whether the code is one of these."""
    return either(_in(column, codes), "true", "false")


def either(condition: str, so: str, otherwise: str) -> Json:
    """One of two literal texts."""
    return [Sql(f"CASE WHEN {condition} THEN {quoted(so)} ELSE {quoted(otherwise)} END")]


def standing(is_locked: str, code: str, codes: Iterable[int], names: tuple[str, str]) -> Json:
    """The first of the enum's names for a locked identity with one of these codes, else the second."""
    return ['"', *either(f"{is_locked} AND {_in(code, codes)}", *names), '"']


def _in(column: str, codes: Iterable[int]) -> str:
    return f"{column} IN ({', '.join(map(str, codes))})"


def coded(column: str, names: Mapping[int | str, str], otherwise: str) -> Json:
    """The name of the enum value for a code; `otherwise` for any other code, and for NULL."""
    return ['"', Sql(_case(column, {code: quoted(name) for code, name in names.items()}, quoted(otherwise))), '"']


def text_or_coded(column: str, code: str, texts: Mapping[int, str], otherwise: str) -> Json:
    """The text; the text for the code if the text is missing or empty."""
    instead = _case(code, {one: quoted(found) for one, found in texts.items()}, quoted(otherwise))
    return text(f"coalesce(nullif({column}, ''), {instead})")


def _case(column: str, results: Mapping[int | str, str], otherwise: str) -> str:
    whens = " ".join(
        f"WHEN {code if isinstance(code, int) else quoted(code)} THEN {result}" for code, result in results.items()
    )
    return f"(CASE {column} {whens} ELSE {otherwise} END)"


def amount(column: str, places: str) -> Json:
    """A numeric column as a string, with at least the given number of places, and more if the value has more. NULL for
    NaN.
    """
    least = f"min_scale({column})"
    finer = f"CASE WHEN {least} > {places} THEN {least} WHEN {least} >= 0 THEN {places} END"
    exact = f"CASE WHEN scale({column}) = {places} THEN {column}::text ELSE round({column}, {finer})::text END"
    return ['"', Sql(f"({exact})"), '"']


def figure(exact: str, currency: str) -> Json:
    """An amount in a currency; null without an amount. If the currency is not known, the amount keeps its own
    digits.
    """
    return null_without(
        [exact], amount(exact, f"(CASE WHEN {currency} IS NULL THEN scale({exact}) ELSE {places_of(currency)} END)")
    )


def difference(minuend: str, subtrahend: str, places: str) -> Json:
    return amount(f"({minuend} - {subtrahend})", places)


def truncated(dividend: str, divisor: str, places: int) -> str:
    """SQL for the quotient in units of the last decimal place, truncated towards zero."""
    return f"div({dividend} * {10**places}, {divisor})"


def half_even(units: str, dividend: str, divisor: str, places: int) -> Json:
    """The quotient, rounded as in core/money.py. `units` is the result of `truncated`. NULL for NaN, and for more
    digits than an amount may have.
    """
    rest = f"2 * abs({dividend} * {10**places} - {units} * {divisor})"
    is_more = f"{rest} > abs({divisor}) OR {rest} = abs({divisor}) AND mod({units}, 2) <> 0"
    rounded = f"{units} + CASE WHEN {is_more} THEN sign({dividend}) * sign({divisor}) ELSE 0 END"
    # Infinity and NaN have no scale, and a division by infinity is zero.
    is_finite = f"abs({units}) < 1e{EXACT.prec - 1} AND scale({divisor}) >= 0"
    exact = f"CASE WHEN {is_finite} THEN (({rounded}) * 1e-{places})::text END"
    return ['"', Sql(f"({exact})"), '"']


def places_of(currency: str) -> str:
    """SQL for the number of places of a currency, as core/money.py has them."""
    by_digits: dict[int, list[str]] = {}
    default, known = fraction_digits()
    for code, digits in known.items():
        by_digits.setdefault(digits, []).append(quoted(code))
    whens = " ".join(f"WHEN {currency} IN ({', '.join(codes)}) THEN {digits}" for digits, codes in by_digits.items())
    # First one test against all exceptions: PostgreSQL tests a list of nine or more by a hash, and most currencies are
    # no exception.
    exceptions = ", ".join(chain.from_iterable(by_digits.values()))
    return f"(CASE WHEN {currency} IN ({exceptions}) THEN CASE {whens} END ELSE {default} END)"


def base64url(plain: Json) -> Json:
    """A text as an opaque id or cursor (resolvers/fields/ids.py): base64url without padding, and without PostgreSQL's
    line breaks.
    """
    return ['"', Sql(f"translate(encode(convert_to({joined(plain)}, 'UTF8'), 'base64'), E'+/=\\n', '-_')"), '"']


def hole(number: int) -> str:
    """A hole for a text of a resolver. If a text is split at HOLE, the odd parts are the holes."""
    return f"{HOLE}{number}{HOLE}"


def marked(json: Json) -> Sql:
    """The text; the mark if the text is NULL."""
    return Sql(f"coalesce({joined(json)}, E'\\x02')")


def demo(row_server: str, row_group: str, patterns: tuple[str, str], decided: str) -> Json:
    """Whether a group is one of demo accounts. `patterns`: arrays of servers and of their LIKE patterns, side by side.

    `decided`: an array of the servers on which every other group is one of real accounts.
    """
    listed = (
        f"EXISTS (SELECT FROM unnest({patterns[0]}, {patterns[1]}) AS demo (server, pattern)"
        f" WHERE demo.server = {row_server} AND {row_group} LIKE demo.pattern)"
    )
    known = f"WHEN {listed} THEN 'true' WHEN {row_server} = ANY ({decided}) THEN 'false'"
    return [Sql(f"CASE WHEN {row_group} IS NULL THEN 'null' {known} ELSE 'null' END")]


def chosen(texts: str, names: str, name: str, otherwise: Json) -> Json:
    """The JSON text of a name, from an array in the order of the names."""
    return [Sql(f"coalesce(({texts})[array_position({names}, {name})], {joined(otherwise)})")]
