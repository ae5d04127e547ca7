"""What an unreadable row of a history proves about our reference."""

import json
from decimal import Decimal

import msgspec
import pytest

from upstreams.http.decoding import lenient_json as wire
from upstreams.http.decoding.damaged_json import mend
from upstreams.vendors.kit.history_search import Found, equals_in, match_one, read_history, surely_lacks

OURS = "bg0123456789abcdef0123456789ab"


class Row(msgspec.Struct):
    order: int
    comment: str | None = None


def searched(*rows: bytes) -> str | None:
    body = b"[" + b",".join(rows) + b"]"
    found, unread = read_history(mend(body) or body, Row)
    return match_one(
        (Found(row.comment or "", str(row.order), is_ours=True) for row in found), OURS, unread, ["comment"]
    )


FOREIGN = [
    b'{"order":5,"comment":"half \xe0"}',
    b'{"order":NaN,"comment":"x"}',
    b'{"order":5,"comment":"a "quote" here"}',
    b'{"order":5,"comment":"\\ud83d"}',
    b'{"order":%b,"comment":"x"}' % (b"9" * 5000),
    b'{"order":"x","comment":"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"}',
]
GOOD = b'{"order":7,"comment":"%b"}' % OURS.encode()


@pytest.mark.parametrize("row", FOREIGN)
def test_m5_our_reference_is_found_beside_a_row_that_cannot_be_read(row):
    assert searched(row, GOOD) == searched(GOOD, row) == "7"


@pytest.mark.parametrize("row", FOREIGN)
def test_m5_absence_is_proven_by_rows_that_surely_lack_our_reference(row):
    assert searched(row) is None


MAYBE_OURS = {
    "our reference": b'{"order":NaN,"comment":"%b"}' % OURS.encode(),
    "in capitals": b'{"order":NaN,"comment":"%b"}' % OURS.upper().encode(),
    "with a character in it": b'{"order":5,"comment":"%b\xe0%b"}' % (OURS[:9].encode(), OURS[9:].encode()),
    "with a character in its place": b'{"order":5,"comment":"%b\xe0%b"}' % (OURS[:9].encode(), OURS[10:].encode()),
    "cut by a quote": b'{"order":5,"comment":"%b"%b"}' % (OURS[:15].encode(), OURS[15:].encode()),
    "in UTF-16": b'{"order":5,"comment":"%b"}' % OURS.encode("utf-16-le"),
    "in escapes": b'{"order":5,"comment":"%b", "x" y"}' % b"".join(b"\\u%04x" % ord(one) for one in OURS),
    "escapes in a damaged row": b'{"order":NaN,"comment":"%b"}' % b"".join(b"\\u%04x" % ord(one) for one in OURS),
    "without its comment": b'{"order":NaN}',
    "without its end": b'{"order":5,"comment":"half',
    "no row at all": b"NaN",
    "with a second comment": b'{"order":"x","comment":"%b","comment":"y"}' % OURS.encode(),
    "damaged and with a second comment": b'{"order":NaN,"comment":"%b","comment":"y"}' % OURS.encode(),
}


@pytest.mark.parametrize("row", MAYBE_OURS.values(), ids=MAYBE_OURS.keys())
def test_m5_absence_is_not_proven_by_a_row_that_may_be_ours(row):
    with pytest.raises((wire.Nonsense, msgspec.DecodeError)):
        searched(b'{"order":1,"comment":"x"}', row)


def test_m5_an_unreadable_row_with_our_reference_is_for_a_person_although_another_has_it():
    with pytest.raises(wire.Nonsense):
        searched(GOOD, MAYBE_OURS["our reference"])


def test_m5_a_row_surely_lacks_a_reference_of_which_it_has_fewer_than_six_letters():
    def row(comment):
        return json.dumps({"comment": comment}).encode()

    assert surely_lacks(row("bg012"), OURS, ["comment"])
    assert not surely_lacks(row("bg0-12-3"), OURS, ["comment"])


@pytest.mark.parametrize(
    "found,currency,same",
    [
        ("100.09999999999999", "USD", True),
        ("100.10000000000001", "USD", True),
        ("100.10", "USD", True),
        ("100.11", "USD", False),
        ("100.09", "USD", False),
        ("100.105", "USD", False),
        ("100.104", "USD", True),
        ("100.1", "BTC", True),
        ("100.09999999999999", "BTC", True),
        ("100.0999999", "BTC", False),
    ],
)
def test_m6_a_double_is_compared_at_the_places_of_the_currency(found, currency, same):
    assert equals_in(currency, Decimal("100.10"), Decimal(found)) is same


@pytest.mark.parametrize("found", [None, Decimal("NaN"), Decimal("Infinity"), Decimal("1E+300"), Decimal("-100.10")])
def test_m6_no_amount_and_no_number_are_not_ours(found):
    assert not equals_in("USD", Decimal("100.10"), found)


@pytest.mark.parametrize(
    "double,shown",
    [
        ("100.09999999999999", "100.1"),
        ("100.10000000000001", "100.1"),
        ("100.10", "100.10"),
        ("0.30000000000000004", "0.3"),
        ("1234567890123.45", "1234567890123.45"),
        ("-0.0000000000000284217094304040074", "-2.84217094304040E-14"),
        ("99999999999999999999", "1E+20"),
    ],
)
def test_m6_a_double_is_shown_with_fifteen_digits(double, shown):
    assert wire.read_double(Decimal(double)) == Decimal(shown)
    assert len(wire.read_double(Decimal(double)).as_tuple().digits) <= 15


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "sNaN", "1e400", "-1e31"])
def test_m6_what_is_no_double_is_no_amount(text):
    with pytest.raises((wire.Nonsense, ArithmeticError)):
        wire.read_double(Decimal(text))


@pytest.mark.parametrize("amount", ["0.00000001", "1E-8", "1E+2", "100.10", "123456789012345678.12345678", "-0.00"])
def test_m7_every_amount_in_a_request_has_plain_digits(amount):
    written = wire.encode({"price": Decimal(amount)}).decode()

    assert "E" not in written.removeprefix('{"price":').upper()
    assert json.loads(written, parse_float=Decimal)["price"] == Decimal(amount)
