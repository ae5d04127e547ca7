"""The graph's own scalars: exact decimals, UTC times and currency codes. Also the parser of the built-in ID."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import (
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    StringValueNode,
    ValueNode,
    print_ast,
    value_from_ast_untyped,
)

from core.money import MAX_FRACTION_DIGITS, MAX_INTEGER_DIGITS, format_amount
from resolvers.policy.errors import BadUserInput

_DECIMAL = re.compile(rf"-?[0-9]{{1,{MAX_INTEGER_DIGITS}}}(\.[0-9]{{1,{MAX_FRACTION_DIGITS}}})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,4}", re.ASCII)
_SHOWN = 40

CurrencyCode = NewType("CurrencyCode", str)


def _shown(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def parse_decimal(value: Any) -> Decimal:
    """Parse a decimal of a variable: only a string in plain notation."""
    if not isinstance(value, str):
        raise BadUserInput(f'A Decimal is written as a string, like "12.50"; got {_shown(value)}.')
    if not _DECIMAL.fullmatch(value):
        raise BadUserInput(
            f"A Decimal is -?digits[.digits] with at most {MAX_INTEGER_DIGITS} digits before the point and "
            f"{MAX_FRACTION_DIGITS} after it; got {_shown(value)}."
        )
    return Decimal(value)


def print_decimal(value: Any) -> str:
    if value.__class__ is Decimal:
        # Because every amount of every answer is serialized here, the usual case is checked first: not negative, not
        # NaN, not infinite and without an exponent.
        text = str(value)
        if "0" <= text[0] <= "9" and "E" not in text:
            return text
    if not isinstance(value, Decimal) or not value.is_finite():
        raise GraphQLError("A money value is not an exact decimal.")
    return format_amount(value)


def parse_datetime(value: Any) -> datetime:
    """Parse an RFC 3339 time with an offset."""
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise BadUserInput(f'A DateTime is an RFC 3339 instant like "2026-01-31T12:00:00.000Z"; got {_shown(value)}.')


def print_datetime(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadUserInput(f'A Date is a day like "2026-01-31"; got {_shown(value)}.') from None


def parse_currency(value: Any) -> CurrencyCode:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise BadUserInput(f'A CurrencyCode is 2 to 5 upper-case characters like "USD"; got {_shown(value)}.')
    return CurrencyCode(value)


def parse_id(value: Any) -> str:
    """Parse an ID of a variable: a string, or a JSON number that is written as an integer. The number becomes its
    digits.

    A float is a number with a fraction or an exponent in its source text, because the decoder of bodies makes an int of
    every other number (api/graphql/body.py). Two such texts can become the same float, so that no float is an ID.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _not_an_id(_shown(value))


def parse_id_literal(node: ValueNode, _variables: Any = None) -> str:
    """Parse an ID of a literal: a string or an integer. `-0` is 0, as in JSON."""
    if isinstance(node, IntValueNode):
        return "0" if node.value == "-0" else node.value
    if isinstance(node, StringValueNode):
        return node.value
    raise _not_an_id(_cut(print_ast(node)), node)


def _not_an_id(shown: str, node: ValueNode | None = None) -> GraphQLError:
    message = f"An ID is a string, or an integer without fraction and exponent; got {shown}."
    return GraphQLError(message, node, extensions={"code": "BAD_USER_INPUT"})


def refuse_fractions_as_ids(core: GraphQLSchema) -> None:
    """Make the schema parse IDs with the functions above.

    graphql-core accepts an integral float as an ID, so that 303456789012345678.0 and 303456789012345671.0 are the same
    key. The specification of GraphQL refuses every float. The type itself is changed and not replaced, because the
    engine and graphql-core recognise it by identity.
    """
    kind: Any = core.type_map["ID"]
    kind.coerce_input_value = parse_id
    kind.coerce_input_literal = parse_id_literal


def _literal(parse: Callable[[Any], Any]) -> Callable[..., Any]:
    """Parse a literal of a document. An error has the place of the literal."""

    def parse_literal(node: ValueNode, variables: Any = None) -> Any:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except BadUserInput as error:
            raise GraphQLError(error.message, node, extensions=error.extensions) from None

    return parse_literal


SCALARS: dict[object, Any] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            "Exact decimal as a JSON string in plain notation (never an exponent, never a JSON number). "
            f"Input: strings only, -?digits[.digits], at most {MAX_INTEGER_DIGITS} integer and {MAX_FRACTION_DIGITS} "
            "fraction digits; NaN, Infinity, exponents, '+1', '1.' and non-ASCII digits are refused."
        ),
        serialize=print_decimal,
        parse_value=parse_decimal,
        parse_literal=_literal(parse_decimal),
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 instant in UTC, millisecond precision.",
        serialize=print_datetime,
        parse_value=parse_datetime,
        parse_literal=_literal(parse_datetime),
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of a calendar, like 2026-01-31.",
        serialize=date.isoformat,
        parse_value=parse_date,
        parse_literal=_literal(parse_date),
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="Upper-case asset code, 2 to 5 characters, fiat or crypto.",
        serialize=str,
        parse_value=parse_currency,
        parse_literal=_literal(parse_currency),
    ),
}
