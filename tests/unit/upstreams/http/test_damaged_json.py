"""Mending of damaged lists: one damaged row never changes another row, whatever its texts are."""

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from upstreams.http.decoding.damaged_json import MOST_DAMAGED_ROWS, bytes_of_row, mend

# Texts that look like the syntax around them, and any others that JSON can hold.
SYNTAX = some.sampled_from(
    ["},{", '"},{"', "]", "[", "{", "}", ",", ":", '"', "\\", '","login":1,"x":"', "NaN", "\\u0041"]
)
ANY = some.text(some.characters(exclude_categories=("Cs",)), max_size=12)
TEXT = some.lists(SYNTAX | ANY, max_size=4).map("".join)
VALUE = TEXT | some.integers(-(10**9), 10**9) | some.booleans() | some.none() | some.sampled_from([1.5, -0.25, 1e300])
ROW = some.fixed_dictionaries({"group": TEXT, "credit": VALUE}, optional={"comment": TEXT, "more": VALUE})
ROWS = some.lists(ROW, min_size=1, max_size=6)
NUMBERS = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"-nan(ind)",
    b"1.#QNAN",
    b"-1.#IND",
    b"nan",
    b"inf",
    b"007",
    b"1.",
    b".5",
    b"0x1F",
]
CHARACTERS = [b"\x00", b"\x01", b"\n", b"\xe0", b"\xff\xfe", b"\\ud800", b"\\udc00", b'"', b"\\x"]


def written(row):
    return json.dumps(row, ensure_ascii=False).encode()


def envelope(rows):
    return b'{"data":[' + b", ".join(rows) + b'],"error":{"code":"Ok"},"meta":{"more":[]}}'


def raw_rows(body):
    class Envelope(msgspec.Struct):
        data: msgspec.Raw
        meta: dict

    opened = msgspec.json.decode(body, type=Envelope)
    assert opened.meta == {"more": []}
    return [bytes(row) for row in msgspec.json.decode(opened.data, type=list[msgspec.Raw])]


@given(ROWS, some.data())
def test_v2_one_damaged_number_leaves_every_other_row_as_it_was(rows, data):
    bad = data.draw(some.integers(0, len(rows) - 1))
    rows = [{"login": number} | row for number, row in enumerate(rows)]
    texts = [written(row) for row in rows]
    number = data.draw(some.sampled_from(NUMBERS))
    texts[bad] = (
        texts[bad][:-1] + b', "prevBalance": ' + number + data.draw(some.sampled_from([b"", b', "last": 1'])) + b"}"
    )

    found = raw_rows(mend(envelope(texts)))

    assert found[:bad] == texts[:bad]
    assert found[bad + 1 :] == texts[bad + 1 :]
    damaged = json.loads(found[bad])
    assert isinstance(damaged, str) or damaged["login"] == bad
    assert isinstance(damaged, str) or damaged["prevBalance"] == [[number.decode()]]


def test_v2_texts_that_look_like_members_and_borders_of_rows_stay_texts():
    row = {"login": 0, "group": '","login":1,"x":"', "comment": "},{"}

    [found] = raw_rows(mend(envelope([written(row)[:-1] + b', "prevBalance": -nan(ind)}'])))

    assert json.loads(found) == row | {"prevBalance": [["-nan(ind)"]]}


def test_v2_a_row_with_many_texts_that_end_like_a_row_is_one_row():
    row = {"login": 0} | {f"text {number}": "},{" for number in range(8)}

    [found] = raw_rows(mend(envelope([written(row)[:-1] + b', "prevBalance": NaN}'])))

    assert json.loads(found) == row | {"prevBalance": [["NaN"]]}


def test_a_text_without_an_end_takes_no_longer_than_its_length():
    # A search that begins again at each of the two million quotes does not end within the time-out of a test.
    assert mend(b'{"data":[{"a":NaN,"b":"' + b'\\"' * 2_000_000 + b"}]}") is not None


@given(ROWS, some.data())
def test_v3_one_damaged_text_leaves_every_other_row_as_it_was(rows, data):
    bad = data.draw(some.integers(0, len(rows) - 1))
    texts = [written({"login": number} | row) for number, row in enumerate(rows)]
    group = written(rows[bad]["group"])
    place = data.draw(some.integers(1, len(group) - 1))
    damage = data.draw(some.sampled_from(CHARACTERS))
    start = texts[bad].index(b'"group": ') + len(b'"group": ')
    texts[bad] = texts[bad][: start + place] + damage + texts[bad][start + place :]
    body = envelope(texts)

    found = raw_rows(mend(body) or body)

    assert found[:bad] == texts[:bad]
    after = len(rows) - bad - 1
    assert found[len(found) - after :] == texts[len(texts) - after :]


@given(ROWS)
def test_a_byte_order_mark_changes_nothing(rows):
    body = envelope([written({"login": number} | row) for number, row in enumerate(rows)])

    assert mend(b"\xef\xbb\xbf" + body) == body


@given(ROWS)
def test_a_well_formed_answer_is_not_mended(rows):
    assert mend(envelope([written(row) for row in rows])) is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>[]</html>", b'{"data":[{"login":1', b"[" * 100_000, b'{"data":NaN', b"\xff" * 9]
)
def test_what_is_no_answer_is_not_mended(body):
    assert mend(body) is None


@pytest.mark.parametrize("number", NUMBERS)
def test_v2_a_damaged_number_of_one_object_costs_that_number(number):
    mended = mend(b'{"data":{"login":7,"balance":12.50,"credit":%b},"error":null}' % number)

    assert json.loads(mended, parse_float=Decimal) == {
        "data": {"login": 7, "balance": Decimal("12.50"), "credit": [[number.decode()]]},
        "error": None,
    }


def test_v3_a_row_that_cannot_be_read_keeps_its_bytes():
    row = b'{"login":7,"comment":"a "quote" here \xe0"}'

    [found] = raw_rows(mend(envelope([row])))

    assert bytes_of_row(found) == row
    assert bytes_of_row(b'{"login":7}') is None


def test_a_member_that_damage_makes_twice_is_not_believed():
    mended = mend(b'[{"login":7,"comment":"x","login":8,"y":NaN}]')

    assert json.loads(mended) == [{"login": [["7 8"]], "comment": "x", "y": [["NaN"]]}]


def test_the_marker_of_an_unreadable_value_is_accepted_by_no_type_of_ours():
    for kind in (Decimal | None, int | str | None, bool | int | str | None, str | None, dict[str, int]):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(b'[["NaN"]]', type=kind)


@pytest.mark.parametrize("count,is_mended", [(MOST_DAMAGED_ROWS, True), (MOST_DAMAGED_ROWS + 1, False)])
def test_an_answer_with_too_many_damaged_rows_is_not_mended(count, is_mended):
    rows = [b'{"login":1,"credit":NaN}'] * count + [b'{"login":2}'] * 5000

    assert (mend(envelope(rows)) is not None) is is_mended
