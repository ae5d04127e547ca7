"""Figures are read column by column, and mean what each row by itself would mean."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.errors import System, UpstreamError
from upstreams.http.failures import Failures
from upstreams.vendors.broker_work.figures import Figures, answer_with, row_with

FAILURES = Failures(System("BROKER_WORK"), "main")
FIGURES = Figures(System("BROKER_WORK"), ZoneInfo("Asia/Jerusalem"))
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
WANTED = frozenset({"leverage", "group", "currency", "enabled", "registered_at", "owner_id"})
# As vendors write them, what cannot be read among them.
ROW = some.fixed_dictionaries(
    {},
    optional={
        "leverage": some.sampled_from([100, "100", 33.3, "", None, "x", "1e400", "1E+2"]),
        "group": some.sampled_from(["demo", "", None]),
        "currency": some.sampled_from(["USD", "", None]),
        "enable": some.sampled_from([True, False, 1, 0, "1", "true", "no", None]),
        "regdate": some.sampled_from(["2020-01-02T03:04:05", "1970-01-01T00:00:00", "never", None]),
        "oweId": some.sampled_from([7, "7", "", None]),
    },
)


def seen(rows):
    kind = row_with(WANTED)
    body = msgspec.json.encode([{"login": str(number), **row} for number, row in enumerate(rows)])
    return {row.login: (row, NOW) for row in msgspec.json.decode(body, type=list[kind])}


def shown(records):
    return {
        login: type(one) if isinstance(one, UpstreamError) else msgspec.structs.asdict(one)
        for login, one in records.items()
    }


@given(some.lists(ROW, max_size=30), some.sets(some.sampled_from(sorted(WANTED))))
def test_many_rows_are_read_as_each_by_itself(rows, wanted):
    together = seen(rows)

    alone = [FIGURES.records({login: one}, frozenset(wanted)) for login, one in together.items()]

    expected = {login: one for found in alone for login, one in shown(found).items()}
    assert shown(FIGURES.records(together, frozenset(wanted))) == expected


def test_an_unreadable_figure_is_none_and_the_rest_of_its_row_stands():
    rows = [{"leverage": 100 if number != 5 else "x", "group": "demo"} for number in range(20)]

    found = FIGURES.records(seen(rows), frozenset({"leverage", "group"}))

    assert [login for login, one in found.items() if one.leverage is None] == ["5"]
    assert {one.leverage for login, one in found.items() if login != "5"} == {Decimal(100)}
    assert {one.group for one in found.values()} == {"demo"}


def test_a_login_that_could_not_be_asked_keeps_its_error():
    error = FAILURES.refused("x")

    found = FIGURES.records({**seen([{"group": "demo"}]), "9": error}, frozenset({"group"}))

    assert found["9"] is error
    assert found["0"].group == "demo"


@pytest.mark.parametrize("body", [b'{"result":true,"data":null}', b'{"result":true,"data":[{"leverage":"1"}]}', b"[]"])
def test_an_answer_that_is_not_whole_is_not_read_in_one_go(body):
    with pytest.raises(msgspec.ValidationError):
        answer_with(WANTED).decode(body)
