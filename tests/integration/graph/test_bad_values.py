"""One bad value of a vendor or of the ERP costs one value, and one bad row costs one row."""

import re
from decimal import Decimal

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

FIGURES = "balance credit equity group leverage enabled sendReports leadSource registeredAt currency"
ACCOUNTS = """query ($servers: [String!]) { clients(first: 40) { nodes { tradingAccounts(first: 20,
    filter: { servers: $servers }) { nodes { login server { name } live { %s } } } } } }"""
ADDRESSES = {"R1": ("cplugin", "UserRecordsRequest"), "L1": ("broker_work", "account/info")}
UNREADABLE = {"UPSTREAM_MISUNDERSTOOD"}


def live_of(body):
    """The live figures of each login; None for a login without them."""
    return {
        account["login"]: account["live"]
        for client in body["data"]["clients"]["nodes"]
        for account in client["tradingAccounts"]["nodes"]
    }


def asked(graph, server, figures=FIGURES):
    return graph.ask(ACCOUNTS % figures, {"servers": [server]})


def rewritten(box, vendor, path, find, text, octets=""):
    fault = {"fault": "rewrite", "find": find, "text": text, "octets": octets, "path": path}
    box.tell(vendor, "/misbehave", fault)


def differing(before, after):
    return [login for login in before if before[login] != after[login]]


NUMBERS = ["NaN", "Infinity", "-Infinity", "-nan(ind)", "1.#QNAN", "-1.#IND"]
TEXTS = {
    "a control character": ("x\x01y", ""),
    "a new line": ("x\ny", ""),
    "a quote": ('x"y', ""),
    "quotes": ('a "quoted", b', ""),
    "a lone surrogate": ("x\\ud800y", ""),
    "half a character": ("x", "e0"),
}


@pytest.mark.parametrize("number", NUMBERS)
def test_v2_a_credit_that_is_no_number_costs_one_account(graph, well_behaved, number):
    before = live_of(asked(graph, "R1"))
    rewritten(well_behaved, "cplugin", "UserRecordsRequest", '"credit": ?"?[0-9.]+"?', f'"credit": {number}')

    body = asked(graph, "R1")

    assert len(before) > 10
    [login] = differing(before, live_of(body))
    assert live_of(body)[login] is None
    [error] = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["system"]) == ("UPSTREAM_MISUNDERSTOOD", "CPLUGIN")


@pytest.mark.parametrize("number", NUMBERS)
def test_v2_a_number_without_a_reader_costs_nothing(graph, well_behaved, number):
    before = live_of(asked(graph, "R1"))
    rewritten(well_behaved, "cplugin", "UserRecordsRequest", '"prevBalance": ?"?[0-9.]+"?', f'"prevBalance":{number}')

    body = asked(graph, "R1")

    assert "errors" not in body
    assert live_of(body) == before


@pytest.mark.parametrize("field", ["group", "comment", "name"])
@pytest.mark.parametrize("text,octets", TEXTS.values(), ids=TEXTS.keys())
def test_v3_a_text_that_is_no_json_costs_one_account_at_most(graph, well_behaved, field, text, octets):
    before = live_of(asked(graph, "R1"))
    rewritten(well_behaved, "cplugin", "UserRecordsRequest", f'"{field}": ?"[^"]*', f'"{field}":"{text}', octets)

    body = asked(graph, "R1")

    changed = differing(before, live_of(body))
    assert len(changed) <= 1
    errors = body.get("errors", [])
    assert len(errors) <= 1
    assert {error["extensions"]["code"] for error in errors} <= UNREADABLE


@pytest.mark.parametrize(
    "date",
    [
        '"0001-01-01T00:00:00"',
        '"2026-06-31T00:00:00"',
        "7",
        '"yesterday"',
        "true",
        "NaN",
        '"9999-12-31T23:59:59-14:00"',
    ],
)
def test_v4_a_date_that_is_none_is_null_and_the_rest_of_the_account_stands(graph, well_behaved, date):
    before = live_of(asked(graph, "R1"))
    rewritten(
        well_behaved, "cplugin", "UserRecordsRequest", '"registrationDate": ?"[^"]*"', f'"registrationDate":{date}'
    )

    body = asked(graph, "R1")

    assert "errors" not in body
    [login] = differing(before, live_of(body))
    assert live_of(body)[login] == before[login] | {"registeredAt": None}


SECONDARY = [
    ("leadSource", "leadSource"),
    ("enableFlags", "enabled"),
    ("sendReports", "sendReports"),
    ("leverage", "leverage"),
]


@pytest.mark.parametrize("garbage", ["NaN", "[]", '{"a":1}', '"\\u0660 perhaps"', "1.#QNAN"])
@pytest.mark.parametrize("field,figure", SECONDARY)
def test_v4_garbage_in_a_secondary_field_never_costs_a_primary_one(graph, well_behaved, field, figure, garbage):
    before = live_of(asked(graph, "R1"))
    value = '("[^"]*"|[0-9.]+|true|false)'
    rewritten(well_behaved, "cplugin", "UserRecordsRequest", f'"{field}": ?{value}', f'"{field}":{garbage}')

    body = asked(graph, "R1")

    assert "errors" not in body
    for login in differing(before, live_of(body)):
        changed = live_of(body)[login]
        assert {name for name in changed if changed[name] != before[login][name]} <= {figure, "enabled"}


@pytest.mark.parametrize("number", NUMBERS)
def test_v2_a_margin_that_is_no_number_costs_one_account(graph, well_behaved, number):
    before = live_of(asked(graph, "R1"))
    rewritten(well_behaved, "cplugin", "MarginsGet", '"margin": ?"?[0-9.]+"?', f'"margin":{number}')

    body = asked(graph, "R1")

    assert len(differing(before, live_of(body))) == 1
    assert [error["extensions"]["code"] for error in body["errors"]] == ["UPSTREAM_MISUNDERSTOOD"]


def test_v2_a_margin_without_a_login_is_never_read_as_no_margin(graph, well_behaved):
    """The account with that margin would be shown without open trades."""
    before = live_of(asked(graph, "R1"))
    rewritten(well_behaved, "cplugin", "MarginsGet", '"login": ?"?[0-9]+"?', '"login":NaN')

    after = live_of(asked(graph, "R1"))

    assert differing(before, after)
    assert all(after[login] is None for login in differing(before, after))


@pytest.mark.parametrize("number", NUMBERS)
def test_v2_a_number_without_a_reader_costs_nothing_where_a_call_has_one_login(graph, well_behaved, number):
    before = live_of(asked(graph, "R2"))
    rewritten(
        well_behaved, "cplugin", "MT5/.*/UserGet/", '"balancePrevDay": ?"?[0-9.]+"?', f'"balancePrevDay":{number}'
    )

    assert live_of(asked(graph, "R2")) == before


def test_v4_a_date_that_is_none_of_one_login_a_call_is_null(graph, well_behaved):
    before = live_of(asked(graph, "R2"))
    rewritten(well_behaved, "cplugin", "MT5/.*/UserGet/", '"registration": ?"[^"]*"', '"registration":17')

    after = live_of(asked(graph, "R2"))

    assert after == {login: one | {"registeredAt": None} for login, one in before.items()}
    assert after != before


@pytest.mark.parametrize("server", ADDRESSES)
@pytest.mark.parametrize("damage", ['"login":NaN', '"login":"a"b"', '"nothing":1'])
def test_v3_a_row_without_a_key_costs_the_login_that_is_missing(graph, well_behaved, server, damage):
    figures = "group leverage"
    before = live_of(asked(graph, server, figures))
    vendor, path = ADDRESSES[server]
    rewritten(well_behaved, vendor, path, '"login": ?"?[0-9]+"?', damage)

    body = asked(graph, server, figures)

    [login] = differing(before, live_of(body))
    assert live_of(body)[login] is None
    assert [error["extensions"]["code"] for error in body["errors"]] == ["UPSTREAM_MISUNDERSTOOD"]


@pytest.mark.parametrize("server", ADDRESSES)
def test_m9_a_login_that_comes_twice_is_an_error_of_that_login(graph, well_behaved, server):
    figures = "group leverage"
    before = live_of(asked(graph, server, figures))
    vendor, path = ADDRESSES[server]
    login = next(login for login in before if before[login])
    again = f'"data":[{{"login":{login},"balance":9.9,"group":"other"}},'
    rewritten(well_behaved, vendor, path, '"data": ?\\[', again)

    body = asked(graph, server, figures)

    assert differing(before, live_of(body)) == [login]
    [error] = body["errors"]
    assert error["extensions"]["code"] == "UPSTREAM_MISUNDERSTOOD"


ONE = """query ($login: String!) { tradingAccount(by: { account: { server: "L1", login: $login } }) {
    live { group leverage } } }"""


@pytest.mark.parametrize("data", [{"group": "G", "leverage": 50}, {"group": "G", "leverage": "50"}])
def test_o13_one_account_as_an_object_is_read_like_a_list_of_one(graph, well_behaved, data):
    login = next(iter(live_of(asked(graph, "L1", "group"))))
    answer = {"data": {"login": login} | data, "mcode": "m0000000", "result": True}
    well_behaved.tell("broker_work", "/misbehave", {"fault": "json", "json": answer, "path": "account/info"})

    live = graph.data(ONE, {"login": login})["tradingAccount"]["live"]

    assert live == {"group": "G", "leverage": "50"}


def test_m6_a_double_is_shown_with_sane_digits(graph, well_behaved):
    before = live_of(asked(graph, "R1", "balance"))
    rewritten(well_behaved, "cplugin", "UserRecordsRequest", '"balance": ?"?[0-9.]+"?', '"balance":100.09999999999999')

    after = live_of(asked(graph, "R1", "balance"))

    [login] = differing(before, after)
    assert Decimal(after[login]["balance"]) == Decimal("100.1")
    assert re.fullmatch("100\\.10?", after[login]["balance"])
