from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import EXACT, divide, format_amount, in_currency, is_whole, quantum, total

CURRENCIES = ["USD", "JPY", "KWD", "BTC", "XYZ"]
LARGEST = Decimal(10) ** 18
amounts = st.decimals(-LARGEST, LARGEST, allow_nan=False, allow_infinity=False, places=8)
any_finite = st.decimals(-LARGEST, LARGEST, allow_nan=False, allow_infinity=False)


@given(amounts, st.sampled_from(CURRENCIES))
def test_an_amount_in_its_currency_is_the_same_amount_with_enough_places(amount, currency):
    shown = in_currency(amount, currency)

    assert shown == amount
    assert shown.as_tuple().exponent <= quantum(currency).as_tuple().exponent
    assert is_whole(amount, currency) == (shown.as_tuple().exponent == quantum(currency).as_tuple().exponent)


@given(any_finite)
def test_plain_is_the_same_number_without_exponent_and_without_negative_zero(amount):
    text = format_amount(amount)

    assert Decimal(text) == amount
    assert set(text) <= set("-0123456789.")
    assert amount or not text.startswith("-")


@pytest.mark.parametrize(
    "amount, currency, shown",
    [
        ("27354", "ILS", "27354.00"),
        ("0.10790961", "BTC", "0.10790961"),
        ("1000.00", "JPY", "1000"),
        ("10.005", "USD", "10.005"),
        ("1.0050", "USD", "1.005"),
        ("-0", "USD", "0.00"),
        ("1E+3", "USD", "1000.00"),
    ],
)
def test_how_amounts_are_shown(amount, currency, shown):
    assert format_amount(in_currency(Decimal(amount), currency)) == shown


@given(amounts, amounts.filter(bool), st.integers(0, 8))
def test_a_quotient_is_off_by_half_a_place_at_most(dividend, divisor, places):
    found = divide(dividend, divisor, places)

    assert found.as_tuple().exponent == -places
    with localcontext(EXACT):
        assert abs(found * divisor - dividend) <= abs(divisor) * Decimal(1).scaleb(-places) / 2


@pytest.mark.parametrize("dividend, rounded", [("0.125", "0.12"), ("0.375", "0.38"), ("-0.125", "-0.12")])
def test_halves_go_to_the_even_neighbour(dividend, rounded):
    assert format_amount(divide(Decimal(dividend), Decimal(1), 2)) == rounded


def test_nothing_is_divided_by_zero():
    assert divide(Decimal(1), Decimal("0.00"), 8) is None


@given(st.lists(amounts, max_size=200))
def test_a_total_is_exact_whatever_the_order(values):
    cents = sum(int(value.scaleb(8)) for value in values)

    assert total(values) == total(values[::-1]) == Decimal(cents).scaleb(-8)


@pytest.mark.parametrize("digits", [65, 1000])
def test_a_number_of_any_size_stays_exact(digits):
    large, one = Decimal("1" * digits), Decimal(1)

    assert format_amount(in_currency(large, "USD")) == "1" * digits + ".00"
    assert str(total([large, one])) == "1" * (digits - 1) + "2"
    assert divide(large, one, 8) == large
    assert divide(one, large, 2) == 0
    assert is_whole(large, "USD")
