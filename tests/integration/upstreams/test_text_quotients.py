"""Quotients that PostgreSQL computes against those of core/money.py, ties, signs and great numbers among them."""

import random
from decimal import Decimal

import asyncpg
import pytest

from core.money import divide, format_amount
from upstreams.erp.rendering.sql_json import half_even, joined, truncated

pytestmark = pytest.mark.anyio

PLACES = 8
QUOTIENT = f"""SELECT {joined(half_even("u", "v", "d", PLACES))}
FROM (SELECT v, d, {truncated("v", "d", PLACES)} AS u FROM unnest($1::numeric[], $2::numeric[]) AS t (v, d)) t"""


def pairs():
    dice = random.Random(8)
    sign = lambda: dice.choice([-1, 1])  # noqa: E731
    for _ in range(2000):
        digits, scale = dice.randrange(1, 22), dice.randrange(0, 12)
        yield (
            sign() * Decimal(dice.randrange(10**digits)).scaleb(-scale),
            sign() * Decimal(dice.randrange(1, 10 ** dice.randrange(1, 22))).scaleb(-dice.randrange(0, 12)),
        )
    for _ in range(500):
        # Exactly between two quotients.
        units = Decimal(dice.randrange(10**9)) + Decimal("0.5")
        divisor = sign() * Decimal(dice.randrange(1, 10**6)).scaleb(-dice.randrange(0, 4))
        yield sign() * units.scaleb(-PLACES) * divisor, divisor
    yield Decimal("1e20"), Decimal("1e-20")
    yield Decimal("-0.000000001"), Decimal(1)
    yield Decimal(0), Decimal(-3)


async def quotients(box, wanted):
    connection = await asyncpg.connect(box.database_url)
    try:
        dividends, divisors = zip(*wanted, strict=True)
        return [row[0] for row in await connection.fetch(QUOTIENT, dividends, divisors)]
    finally:
        await connection.close()


async def test_they_are_the_same(box):
    wanted = list(pairs())
    expected = [f'"{format_amount(divide(dividend, divisor, PLACES))}"' for dividend, divisor in wanted]

    assert await quotients(box, wanted) == expected


async def test_what_has_no_quotient_or_too_many_digits_is_given_up(box):
    wanted = [("NaN", "1"), ("1", "NaN"), ("Infinity", "1"), ("1e40", "1e-40")]

    assert await quotients(box, [(Decimal(one), Decimal(other)) for one, other in wanted]) == [None] * 4
