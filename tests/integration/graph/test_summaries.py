"""`clientSummary` and `accountSummary`: what Python adds up row by row, at the present and from the snapshot."""

import json
import time
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

import anyio
import asyncpg
import pytest
from support.graphs import running_graph
from support.issuers import OWN_CLIENT, issuing
from support.states import create_state
from support.views import create_erp

from resolvers.policy.enums import ErpStatusCode, Platform, WebStatusCode
from resolvers.policy.scopes import Scope
from upstreams.erp.contract import VIEWS

CLIENTS = """query ($filter: ClientFilter) { clientSummary(filter: $filter) { asOf count
  byWebStatus { code count } byErpStatus { code count } byAgency { agency count }
  balances { currency clients balance cash value { amount currency } } totalFloatingBalance { amount currency } } }"""
ACCOUNTS = """query ($filter: TradingAccountFilter) { accountSummary(filter: $filter) { asOf count
  byServer { ...Sum } byPlatform { ...Sum } } }
  fragment Sum on AccountSum { server platform currency accounts balance equity margin }"""
COUNTS = "{ clientSummary { count byAgency { agency count } } accountSummary { byPlatform { currency accounts } } }"
MANY = {"LISTS__EXACT_MAX": "1", "LISTS__SNAPSHOT_SECONDS": "2"}
EXECUTORS = ["engine", "graphql-core"]
PARTNER = "demo-partner"  # Of agency 1.


def run_in(url, statement):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    return anyio.run(ask)


@pytest.fixture(scope="module")
def issuer():
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def state(box):
    return anyio.run(create_state, box, "summaries_state")


def serving(box, state, executor, **settings):
    own = {"STATE__DATABASE_URL": state, "RECONCILIATION__ENABLED": "false", "BUDGET__STORE": "off"}
    return running_graph(box, SERVER__EXECUTOR=executor, SERVER__HOT_AFTER="0", **own, **settings)


def newest(state):
    return run_in(state, "SELECT coalesce(max(number), 0) FROM brokergraph.client_total_rebuild")[0][0]


def wait_for_a_rebuild(state):
    """A rebuild that begins after now."""
    wanted = newest(state) + 2
    for _ in range(600):
        if newest(state) >= wanted:
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


def of_issuer(issuer):
    scopes = json.dumps([str(scope) for scope in Scope])
    return {
        **issuer.settings,
        "AUTH__OIDC__staff__SCOPES": f"{{ all = {scopes} }}",
        "AUTH__OIDC__staff__CLIENT_NUMBER_CLAIM": "client",
        "AUTH__OIDC__staff__CLIENT_NUMBER_REQUIRED": "false",
    }


@pytest.fixture(scope="module", params=EXECUTORS)
def exact(request, box, state, issuer):
    with serving(box, state, request.param, **of_issuer(issuer)) as running:
        yield running


@pytest.fixture(scope="module", params=EXECUTORS)
def many(request, box, state, issuer):
    """Two clients are too many, and so are two accounts."""
    with serving(box, state, request.param, **MANY, **of_issuer(issuer)) as running:
        wait_for_a_rebuild(state)
        yield running


class Sandbox:
    """The rows of the sandbox's tables."""

    def __init__(self, url):
        def rows(table):
            return run_in(url, f"SELECT * FROM hyper.{table}")

        self.clients = rows("clients")
        self.web = {row["client_number"]: row["web_account_status"] for row in rows("clients_website_ext_record")}
        self.accounts = rows("tpm_account_status")
        self.rates = {row["currency"]: row["rate"] for row in rows("currency_rates")}
        self.balances, self.held = defaultdict(Decimal), defaultdict(Decimal)
        for row in rows("journal"):
            self.balances[row["client_number"], row["currency"]] += row["amount"]
        for row in rows("secured_amounts"):
            self.held[row["client_number"], row["currency"]] += row["amount"]

    def summary(self, wanted):
        clients = [row for row in self.clients if wanted(row, self.web.get(row["client_number"]))]
        sums = defaultdict(lambda: [0, Decimal(), Decimal(), Decimal()])
        numbers = {row["client_number"] for row in clients}
        for (number, currency), balance in self.balances.items():
            if balance and number in numbers:
                rate, cash = self.rates.get(currency), balance - self.held[number, currency]
                value = None if rate is None else (balance * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
                found = sums[currency]
                added = None if value is None or found[3] is None else found[3] + value
                sums[currency] = [found[0] + 1, found[1] + balance, found[2] + cash, added]
        values = [found[3] for found in sums.values()]
        web = [self.web[number] for number in numbers if number in self.web]
        return {
            "asOf": None,
            "count": len(clients),
            "byWebStatus": counts(WebStatusCode, web),
            "byErpStatus": counts(ErpStatusCode, [row["handling_status"] for row in clients]),
            "byAgency": dict(Counter(row["agency"] for row in clients)),
            "balances": {currency: tuple(found) for currency, found in sums.items()},
            "totalFloatingBalance": None if None in values else sum(values, Decimal()),
        }

    def account_summary(self, wanted):
        agency = {row["client_number"]: row["agency"] for row in self.clients}
        rows = [row for row in self.accounts if row["client_number"] in agency and wanted(row, agency)]
        return {
            "asOf": None,
            "count": len(rows),
            "byServer": added_up(rows, lambda row: (row["data_source"], platform(row), row["currency"])),
            "byPlatform": added_up(rows, lambda row: (None, platform(row), row["currency"])),
        }


def counts(enum, numbers):
    known = {member.value: member.name for member in enum}
    return dict(Counter(known.get(number, "UNRECOGNISED") for number in numbers))


def platform(row):
    return row["platform"] if row["platform"] in Platform.__members__ else "UNRECOGNISED"


def added_up(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {
        place: (len(group), *(total([row[name] for row in group]) for name in ("balance", "equity", "margin")))
        for place, group in groups.items()
    }


def total(amounts):
    return None if None in amounts else sum(amounts, Decimal())


def decimal(text):
    return None if text is None else Decimal(text)


def client_summary(graph, asked=None, key="demo-operator"):
    found = graph.data(CLIENTS, {"filter": asked}, key)["clientSummary"]
    money = [one["value"] for one in found["balances"]] + [found["totalFloatingBalance"]]
    assert {one["currency"] for one in money if one} <= {"ILS"}
    balances = {
        one["currency"]: (
            one["clients"],
            Decimal(one["balance"]),
            Decimal(one["cash"]),
            one["value"] and Decimal(one["value"]["amount"]),
        )
        for one in found["balances"]
    }
    assert len(balances) == len(found["balances"])
    return found | {
        "byWebStatus": {one["code"]: one["count"] for one in found["byWebStatus"]},
        "byErpStatus": {one["code"]: one["count"] for one in found["byErpStatus"]},
        "byAgency": {one["agency"]: one["count"] for one in found["byAgency"]},
        "balances": balances,
        "totalFloatingBalance": found["totalFloatingBalance"] and Decimal(found["totalFloatingBalance"]["amount"]),
    }


def account_summary(graph, asked=None, key="demo-operator"):
    found = graph.data(ACCOUNTS, {"filter": asked}, key)["accountSummary"]
    for name in ("byServer", "byPlatform"):
        sums = {
            (one["server"], one["platform"], one["currency"]): (
                one["accounts"],
                *(decimal(one[figure]) for figure in ("balance", "equity", "margin")),
            )
            for one in found[name]
        }
        assert len(sums) == len(found[name])
        found[name] = sums
    return found


@pytest.fixture(scope="module")
def tables(box):
    return Sandbox(box.database_url)


CLIENT_FILTERS = {
    "all": (None, lambda _row, _web: True),
    "agency 0": ({"agency": [0]}, lambda row, _web: row["agency"] == 0),
    "agencies": ({"agency": [1, 2]}, lambda row, _web: row["agency"] in {1, 2}),
    "ERP status": ({"erpStatus": ["REAL"]}, lambda row, _web: row["handling_status"] == 5),
    "other ERP statuses": ({"erpStatus": ["UNRECOGNISED"]}, lambda row, _web: row["handling_status"] not in range(7)),
    "web status": (
        {"webStatus": ["APPROVED", "BLOCKED"], "agency": [0, 1]},
        lambda row, web: web in {2, 0} and row["agency"] in {0, 1},
    ),
    "nothing": ({"agency": [77]}, lambda _row, _web: False),
}
ACCOUNT_FILTERS = {
    "all": (None, lambda _row, _agency: True),
    "agency": ({"agency": [1]}, lambda row, agency: agency[row["client_number"]] == 1),
    "server": ({"servers": ["R1"]}, lambda row, _agency: row["data_source"] == "R1"),
    "platform": ({"platforms": ["MT5"]}, lambda row, _agency: row["platform"] == "MT5"),
    "other platforms": ({"platforms": ["UNRECOGNISED"]}, lambda row, _agency: platform(row) == "UNRECOGNISED"),
    "status and currency": (
        {"statuses": ["ACTIVE"], "currencies": ["USD", "EUR"]},
        lambda row, _agency: row["status"] == 3 and row["currency"] in {"USD", "EUR"},
    ),
    "nothing": ({"servers": ["none"]}, lambda _row, _agency: False),
}


@pytest.mark.parametrize("name", CLIENT_FILTERS)
def test_the_sums_of_clients_are_those_of_the_rows(exact, tables, name):
    asked, wanted = CLIENT_FILTERS[name]

    assert client_summary(exact, asked) == tables.summary(wanted)


@pytest.mark.parametrize("name", ACCOUNT_FILTERS)
def test_the_sums_of_accounts_are_those_of_the_rows(exact, tables, name):
    asked, wanted = ACCOUNT_FILTERS[name]

    assert account_summary(exact, asked) == tables.account_summary(wanted)


def test_the_groups_of_accounts_are_told_apart(exact, many, tables):
    groups = sorted({row["group_name"] for row in tables.accounts if row["group_name"]})[:2]
    found = tables.account_summary(lambda row, _: row["group_name"] in groups)

    assert account_summary(exact, {"groups": groups}) == found
    assert account_summary(many, {"groups": groups}) | {"asOf": None} == found


@pytest.mark.parametrize("name", [name for name in CLIENT_FILTERS if name != "nothing"])
def test_the_snapshot_has_the_same_sums_of_clients(many, tables, name):
    asked, wanted = CLIENT_FILTERS[name]
    found = client_summary(many, asked)

    assert found.pop("asOf") is not None
    assert found | {"asOf": None} == tables.summary(wanted)


@pytest.mark.parametrize("name", [name for name in ACCOUNT_FILTERS if name != "nothing"])
def test_the_snapshot_has_the_same_sums_of_accounts(many, tables, name):
    asked, wanted = ACCOUNT_FILTERS[name]
    found = account_summary(many, asked)

    assert found.pop("asOf") is not None
    assert found | {"asOf": None} == tables.account_summary(wanted)


def test_few_rows_are_exact_beside_a_snapshot(many, tables):
    [account, *_] = tables.accounts
    one = {"search": account["account_login"], "servers": [account["data_source"]]}

    assert client_summary(many, {"clientNumbers": [OWN_CLIENT]}) == tables.summary(
        lambda row, _: row["client_number"] == OWN_CLIENT
    )
    assert client_summary(many, {"agency": [77]}) == tables.summary(lambda *_: False)
    assert account_summary(many, one)["asOf"] is None
    assert account_summary(many, one)["count"] == 1


def test_conditions_without_an_index_do_not_make_few_of_many(many):
    assert client_summary(many, {"erpStatus": ["UNRECOGNISED"], "webStatus": ["BLOCKED"]})["asOf"] is not None
    assert account_summary(many, {"groups": ["none"], "platforms": ["MT4"]})["asOf"] is not None
    assert client_summary(many, {"agency": [77], "webStatus": ["BLOCKED"]})["asOf"] is None
    assert account_summary(many, {"servers": ["none"], "groups": ["none"]})["asOf"] is None


def test_a_caller_of_agency_1_sums_agency_1(exact, many, tables):
    clients = tables.summary(lambda row, _: row["agency"] == 1)
    accounts = tables.account_summary(lambda row, agency: agency[row["client_number"]] == 1)
    for graph in (exact, many):
        for asked in (None, {"agency": [1, 2]}):
            assert client_summary(graph, asked, PARTNER) | {"asOf": None} == clients
            assert account_summary(graph, asked, PARTNER) | {"asOf": None} == accounts
        assert client_summary(graph, {"agency": [2]}, PARTNER)["count"] == 0
        assert client_summary(graph, {"agency": [2]}, PARTNER)["balances"] == {}
        assert account_summary(graph, {"agency": [2]}, PARTNER)["byServer"] == {}


def test_a_clients_own_token_sums_its_own(exact, many, tables, issuer):
    own = issuer.token(sub="own", scope="all", client=OWN_CLIENT)
    clients = tables.summary(lambda row, _: row["client_number"] == OWN_CLIENT)
    accounts = tables.account_summary(lambda row, _: row["client_number"] == OWN_CLIENT)

    assert accounts["count"] > 1
    for graph in (exact, many):
        assert client_summary(graph, key=own) == clients
        assert account_summary(graph, key=own) == accounts


def test_without_balances_read_there_are_counts_and_no_sums(exact, many):
    for graph in (exact, many):
        assert graph.data(COUNTS, key="demo-reader") == graph.data(COUNTS)
        body = graph.ask(CLIENTS, key="demo-reader")
        assert (
            body["data"]["clientSummary"]["balances"] is body["data"]["clientSummary"]["totalFloatingBalance"] is None
        )
        assert {error["extensions"]["code"] for error in body["errors"]} == {"FORBIDDEN"}
        body = graph.ask("{ accountSummary { byPlatform { accounts balance equity margin } } }", key="demo-reader")
        assert {error["path"][-1] for error in body["errors"]} == {"balance", "equity", "margin"}
        bounds = 'accountSummary(filter: { balanceFrom: "1", currencies: [USD] }) { count }'
        assert graph.ask(f"{{ {bounds} }}", key="demo-reader")["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def test_conditions_that_the_snapshot_lacks_are_refused(exact, many, tables):
    numbers = sorted(row["client_number"] for row in tables.clients)[:5]
    owner = Counter(row["client_number"] for row in tables.accounts).most_common(1)[0][0]
    for asked in (
        f"clientSummary(filter: {{ clientNumbers: {numbers} }})",
        'clientSummary(filter: { createdFrom: "1990-01-01T00:00:00Z" })',
        f'accountSummary(filter: {{ search: "{owner}" }})',
        'accountSummary(filter: { balanceFrom: "-99999999", currencies: [USD] })',
    ):
        assert next(iter(exact.data(f"{{ {asked} {{ count }} }}").values()))["count"] > 1
        [error] = many.ask(f"{{ {asked} {{ count }} }}")["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["path"] == [asked.partition("(")[0]]


def test_the_plan_is_never_below_what_is_made(exact, many):
    for graph, calls in ((exact, {"ERP_DATABASE": 2}), (many, {"STATE_DATABASE": 2})):
        document = "{ clientSummary { count totalFloatingBalance { amount } } accountSummary { count } }"
        body = graph.ask(document, explain=True)
        plan = body["extensions"]["plan"]
        assert {system: cost["calls"] for system, cost in plan["actual"].items()} == calls
        assert {system: cost["calls"] for system, cost in plan["predicted"].items()} == {
            "ERP_DATABASE": 2,
            "STATE_DATABASE": 2,
        }


def test_before_the_first_snapshot_the_caller_is_told_to_come_again(box):
    fresh = anyio.run(create_state, box, "summaries_no_snapshot")
    with serving(box, fresh, "engine", LISTS__EXACT_MAX="1", LISTS__SNAPSHOT_SECONDS="1000") as graph:
        errors = graph.ask("{ clientSummary { count } accountSummary { count } }")["errors"]

    assert {error["path"][0] for error in errors} == {"clientSummary", "accountSummary"}
    assert {error["extensions"]["code"] for error in errors} == {"UPSTREAM_UNAVAILABLE"}
    assert {error["extensions"]["retryAfterSeconds"] for error in errors} == {60}


# Two clients of agency 1 and one of agency 2, each with euros and dollars, and with two accounts.
ROWS = """
SET search_path = brokergraph_erp;
INSERT INTO accounting_currency VALUES ('ILS');
INSERT INTO client SELECT n, 'Client ' || n, NULL, 1 + n / 3, 4, 'Approved', true, NULL FROM generate_series(1, 3) n;
INSERT INTO web_status SELECT n, 2, 'Approved' FROM generate_series(1, 3) n;
INSERT INTO trading_account SELECT 'R1', (10 * n + k)::text, n, 'MT4', 3, 'g', (ARRAY['USD', 'EUR'])[k], 12.5, 13, 0,
    '2026-01-31 12:00:00+00' FROM generate_series(1, 3) n, generate_series(1, 2) k;
INSERT INTO currency_balance SELECT n, c, 10.01, 5, 30 FROM generate_series(1, 3) n, unnest(ARRAY['EUR', 'USD']) c;
"""
BALANCE = "UPDATE currency_balance SET {} WHERE client_number = 1 AND currency = 'EUR'"
ACCOUNT = "UPDATE trading_account SET {} WHERE login = '12'"
EUR = {"currency": "EUR", "clients": 3, "balance": "30.03", "cash": "15.00", "value": {"amount": "90.00"}}
USD = EUR | {"currency": "USD"}
BAD = """{ clientSummary { byWebStatus { code count } byErpStatus { code count }
  balances { currency clients balance cash value { amount } } totalFloatingBalance { amount } }
  agencies: clientSummary { byAgency { agency count } }
  accountSummary { byPlatform { currency balance equity margin } } }"""
WELL = {
    "clientSummary": {
        "byWebStatus": [{"code": "APPROVED", "count": 3}],
        "byErpStatus": [{"code": "APPROVED", "count": 3}],
        "balances": [EUR, USD],
        "totalFloatingBalance": {"amount": "180.00"},
    },
    "agencies": {"byAgency": [{"agency": 1, "count": 2}, {"agency": 2, "count": 1}]},
    "accountSummary": {
        "byPlatform": [
            {"currency": "EUR", "balance": "37.50", "equity": "39.00", "margin": "0.00"},
            {"currency": "USD", "balance": "37.50", "equity": "39.00", "margin": "0.00"},
        ]
    },
}
BALANCES, TOTAL = ("clientSummary", "balances"), ("clientSummary", "totalFloatingBalance")
SUMS = ("accountSummary", "byPlatform", 0)
# Of each update: what becomes null with an error, and what gets another value.
CASES = {
    "web statuses null": ("UPDATE web_status SET web_status = NULL", [], {("clientSummary", "byWebStatus"): []}),
    "ERP statuses unknown": (
        "UPDATE client SET erp_status = nullif(client_number + 98, 99)",
        [],
        {("clientSummary", "byErpStatus", 0, "code"): "UNRECOGNISED"},
    ),
    "balance NaN": (BALANCE.format("balance = 'NaN'"), [BALANCES], {}),
    "balance null": (BALANCE.format("balance = NULL"), [BALANCES], {}),
    "balance infinite": (BALANCE.format("balance = '-Infinity'"), [BALANCES], {}),
    "cash null": (BALANCE.format("cash = NULL"), [BALANCES], {}),
    "cash NaN": (BALANCE.format("cash = 'NaN'"), [BALANCES], {}),
    "currency null": (BALANCE.format("currency = NULL"), [BALANCES], {}),
    "value NaN": (BALANCE.format("value = 'NaN'"), [(*BALANCES, 0, "value"), TOTAL], {}),
    "value null": (BALANCE.format("value = NULL"), [], {(*BALANCES, 0, "value"): None, TOTAL: None}),
    "no accounting currency": (
        "DELETE FROM accounting_currency",
        [],
        {(*BALANCES, 0, "value"): None, (*BALANCES, 1, "value"): None, TOTAL: None},
    ),
    "agency null": ("UPDATE client SET agency = NULL WHERE client_number = 1", [("agencies",)], {}),
    "figure NaN": (
        ACCOUNT.format("balance = 'NaN', margin = '-Infinity'"),
        [(*SUMS, "balance"), (*SUMS, "margin")],
        {},
    ),
    "figure null": (ACCOUNT.format("equity = NULL"), [], {(*SUMS, "equity"): None}),
}


@pytest.fixture(scope="module")
def bad_erp(box):
    return anyio.run(partial(create_erp, box, "summaries_erp", ROWS))


@pytest.fixture(scope="module")
def bad_state(box):
    return anyio.run(create_state, box, "summaries_bad_state")


@pytest.fixture(scope="module", params=EXECUTORS)
def bad_graphs(request, box, bad_erp, bad_state):
    own = {"ERP__DATABASE_URL": bad_erp}
    with (
        serving(box, bad_state, request.param, **own) as exact,
        serving(box, bad_state, request.param, **own, **MANY | {"LISTS__SNAPSHOT_SECONDS": "0.5"}) as many,
    ):
        yield exact, many


async def execute(url, statements):
    connection = await asyncpg.connect(url)
    await connection.execute(f"SET search_path = brokergraph_erp; {statements}")
    await connection.close()


def changed(data, place, value):
    """The data with this value at this place."""
    data = json.loads(json.dumps(data))
    at = data
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return data


@pytest.mark.parametrize("name", CASES)
def test_a_bad_value_is_an_error_of_its_sum_and_never_a_wrong_sum(bad_graphs, bad_erp, bad_state, name):
    update, errors, others = CASES[name]
    written = [len(graph.written()) for graph in bad_graphs]
    anyio.run(execute, bad_erp, update)
    try:
        wait_for_a_rebuild(bad_state)
        answers = [graph.ask(BAD) for graph in bad_graphs]
    finally:
        anyio.run(execute, bad_erp, f"TRUNCATE {', '.join(VIEWS)}; {ROWS}")

    expected = WELL
    for place, value in (dict.fromkeys(errors) | others).items():
        expected = changed(expected, place, value)
    for graph, before in zip(bad_graphs, written, strict=True):
        assert ("erp.bad_value" in graph.written()[before:]) == bool(errors)
    for body in answers:
        assert body["data"] == expected
        found = body.get("errors", [])
        assert {error["extensions"]["code"] for error in found} == ({"UPSTREAM_MISUNDERSTOOD"} if errors else set())
        assert all(error["extensions"]["system"] == "ERP_DATABASE" for error in found)
        assert all(any(tuple(error["path"][: len(place)]) == place for error in found) for place in errors)
