"""What may be asked of a trading server at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, MT5_LARGEST_LOGIN, NumbersUpTo, ask_in_chunks

LARGEST = (MT4_LARGEST_LOGIN, MT5_LARGEST_LOGIN)


@pytest.mark.parametrize("largest", LARGEST)
@given(
    number=some.integers(-(10**20), 10**20) | some.sampled_from([one + off for one in LARGEST for off in (-1, 0, 1)])
)
def test_a_login_is_a_number_from_one_to_the_largest(largest, number):
    assert (str(number) in NumbersUpTo(largest)) is (0 < number <= largest)


@pytest.mark.parametrize(
    "text", ["", "007", "0", "+7", "7.0", " 7", "7 ", "7\n", "\u0667", "\u00b2", "1_0", "9" * 5000]
)
def test_what_the_platform_would_not_write_is_no_login(text):
    assert text not in NumbersUpTo(MT5_LARGEST_LOGIN)


@pytest.mark.anyio
async def test_where_no_login_can_be_nothing_is_asked():
    async def ask(chunk):
        raise AssertionError(chunk)

    assert await ask_in_chunks(["007", "x"], 10, NumbersUpTo(9), ask) == {"007": None, "x": None}
