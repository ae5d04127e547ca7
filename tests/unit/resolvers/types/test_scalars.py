from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from core.money import MAX_FRACTION_DIGITS, MAX_INTEGER_DIGITS
from resolvers.policy.errors import BadUserInput
from resolvers.types.scalars import parse_currency, parse_datetime, parse_decimal, print_datetime, print_decimal

LARGEST = Decimal(10) ** MAX_INTEGER_DIGITS - Decimal(1).scaleb(-MAX_FRACTION_DIGITS)
amounts = st.decimals(-LARGEST, LARGEST, allow_nan=False, allow_infinity=False, places=MAX_FRACTION_DIGITS)


@given(amounts)
def test_a_decimal_survives_the_wire_digit_for_digit(amount):
    text = print_decimal(amount)

    assert parse_decimal(text) == amount
    assert print_decimal(parse_decimal(text)) == text
    assert "E" not in text.upper()


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.text()) | st.binary())
def test_whatever_else_is_sent_is_a_decimal_in_plain_notation_or_bad_input(value):
    try:
        amount = parse_decimal(value)
    except BadUserInput:
        return
    assert isinstance(value, str)
    assert value.isascii()
    assert abs(amount) <= LARGEST


@pytest.mark.parametrize(
    "text", ["1\n", "\u0661", "1_0", "--1", "1.123456789", "1" * 19, "", "-", "1e5", "0x1", "NaN", "-0e0"]
)
def test_near_misses_are_refused(text):
    with pytest.raises(BadUserInput):
        parse_decimal(text)


@pytest.mark.parametrize(
    "amount, text", [("0E-8", "0.00000000"), ("1E-8", "0.00000001"), ("-0.00", "0.00"), ("1E+3", "1000")]
)
def test_exponents_and_negative_zero_are_never_printed(amount, text):
    assert print_decimal(Decimal(amount)) == text


@pytest.mark.parametrize("value", [1, 1.5, "1", None, Decimal("NaN"), Decimal("Infinity"), Decimal("sNaN")])
def test_nothing_but_an_exact_decimal_is_printed(value):
    with pytest.raises(GraphQLError):
        print_decimal(value)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - naive on purpose.
def test_an_instant_is_printed_in_utc_to_the_millisecond(naive, minutes):
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    text = print_datetime(instant)

    assert text.endswith("Z")
    assert timedelta(0) <= instant - parse_datetime(text) < timedelta(milliseconds=1)
    assert parse_datetime(text).tzinfo is UTC


@given(st.text() | st.integers() | st.none() | st.floats() | st.lists(st.text()))
def test_any_other_instant_is_bad_input(value):
    try:
        instant = parse_datetime(value)
    except BadUserInput:
        return
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "value", ["2026-01-31T12:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-31"]
)
def test_an_instant_without_an_offset_or_beyond_all_calendars_is_bad_input(value):
    with pytest.raises(BadUserInput):
        parse_datetime(value)


@given(st.text(max_size=8) | st.integers() | st.none())
def test_a_currency_is_upper_case_ascii_or_bad_input(value):
    try:
        code = parse_currency(value)
    except BadUserInput:
        return
    assert 2 <= len(code) <= 5
    assert code.isascii()
    assert code == code.upper()
