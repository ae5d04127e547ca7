from decimal import Decimal

import msgspec
import pytest

from core.errors import Misunderstood, System
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.decoding.damaged_json import MOST_DAMAGED_ROWS
from upstreams.http.failures import Failures, retry_after_seconds
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.rows import read_rows


class _Login(msgspec.Struct):
    login: int | str
    leverage: Decimal | None = None

    MONEY = frozenset({"leverage"})


def read(rows: bytes, asked: list[str]):
    def entries(rows):
        return {str(row.login): row for row in rows}

    return read_rows(msgspec.Raw(rows), _Login, entries, asked, Failures(System("BROKER_WORK"), "main"))


def test_an_unreadable_row_costs_one_login():
    found = read(b'[{"login":"1","leverage":"x"},{"login":2,"leverage":"20"}]', ["1", "2", "3"])

    assert isinstance(found["1"], Misunderstood)
    assert found["2"].leverage == 20
    assert "3" not in found


def test_a_row_without_a_key_puts_the_missing_logins_in_doubt():
    found = read(b'[{"leverage":1},{"login":2}]', ["1", "2"])

    assert isinstance(found["1"], Misunderstood)
    assert found["2"].login == 2


def test_m9_a_login_that_comes_twice_is_an_error_of_that_login():
    found = read(b'[{"login":1,"leverage":1},{"login":2,"leverage":2},{"login":"1","leverage":9}]', ["1", "2"])

    assert isinstance(found["1"], Misunderstood)
    assert found["2"].leverage == 2


def test_o13_an_object_is_a_list_of_one_row():
    assert read(b'{"login":1,"leverage":1}', ["1"])["1"].leverage == 1


@pytest.mark.parametrize(
    "row",
    [
        b'{"login":3,"leverage":"x"}',
        b'{"leverage":1,"comment":"\\"login\\":1,"}',
        b'"{\\"login\\":1,\\"a\\":\\"\\"\\",\\"login\\":2}"',
    ],
    ids=["a login that was not asked for", "a login within a text", "two logins"],
)
def test_v2_a_row_that_names_no_login_of_ours_puts_only_the_missing_logins_in_doubt(row):
    found = read(b'[{"login":2,"leverage":2},' + row + b"]", ["1", "2"])

    assert isinstance(found["1"], Misunderstood)
    assert found["2"].leverage == 2


def test_a_list_with_too_many_damaged_rows_is_not_read():
    rows = b",".join(b'{"login":%d,"leverage":"x"}' % number for number in range(MOST_DAMAGED_ROWS + 1))

    with pytest.raises(Misunderstood):
        read(b"[" + rows + b"]", [str(number) for number in range(MOST_DAMAGED_ROWS + 1)])


def test_every_digit_of_an_amount_is_kept():
    class Money(msgspec.Struct):
        amount: Decimal

    digits = "123456789012345678.12345678"

    assert wire.decode(f'{{"amount":{digits}}}'.encode(), Money).amount == Decimal(digits)
    assert wire.encode({"price": Decimal(digits)}) == f'{{"price":{digits}}}'.encode()
    assert wire.encode({"price": Decimal("1E+2")}) == b'{"price":100}'


@pytest.mark.parametrize("raw", [b"1e400", b'"NaN"', b'"Infinity"', b"1e-400"])
def test_what_is_no_amount_is_nonsense(raw):
    with pytest.raises(wire.Nonsense):
        wire.read_raw_number(msgspec.Raw(raw))


@pytest.mark.parametrize(
    "text,seconds",
    [
        ("7", 7.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("999999999999", 86_400.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after_seconds(HttpAnswer(429, {"retry-after": text}, b"")) == seconds
