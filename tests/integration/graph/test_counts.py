"""What a dashboard costs, counted by ourselves and by the vendors."""

from collections import Counter

import pytest
from support.mutations import deposit

pytestmark = pytest.mark.usefixtures("well_behaved")


@pytest.fixture(autouse=True)
def tokens(graph, well_behaved):
    """Tokens that the vendor accepts. Another file may have expired this server's, and refused calls are repeated."""
    graph.ask(DASHBOARD, {"first": 50})
    well_behaved.reset()


DASHBOARD = """
query ($first: Int!) {
  clients(first: $first) { nodes {
    clientNumber fullName webStatus { code }
    balances { currency balance value { amount } } totalFloatingBalance { amount }
    tradingAccounts { nodes { login server { name } live { balance leverage } } }
  } }
}
"""
WITH_EQUITY = DASHBOARD.replace("balance leverage", "balance equity freeMargin")
CHUNK = 200
# clients, web status, balances (shared by the total), accounts
STATEMENTS = 4


def logins_by_server(body):
    accounts = [a for client in body["data"]["clients"]["nodes"] for a in client["tradingAccounts"]["nodes"]]
    return Counter(account["server"]["name"] for account in accounts)


def calls_of(logins, functions=1):
    """One call for each server, chunk and vendor function; R2 is MT5, which answers one login per call."""
    chunks = {name: -(-count // CHUNK) for name, count in logins.items()}
    mt4 = sum(chunks.get(name, 0) for name in ("R1", "R3"))
    # The other function of MT4 has no batches: it answers for the whole server at once.
    whole = sum(name in logins for name in ("R1", "R3")) * (functions - 1)
    return {
        "CPLUGIN": mt4 + whole + logins["R2"],
        "BROKER_WORK": sum(chunks.get(name, 0) for name in ("L1", "L2")),
    }


def vendor_calls(box):
    counted = {"CPLUGIN": box.calls("cplugin")["total"], "BROKER_WORK": box.calls("broker_work")["total"]}
    return {name: calls for name, calls in counted.items() if calls}


@pytest.mark.parametrize("first", [50, 200])
def test_a_dashboard_costs_one_statement_a_relation_and_one_call_a_server_and_chunk(graph, well_behaved, first):
    body = graph.ask(DASHBOARD, {"first": first}, explain=True)

    logins = logins_by_server(body)
    actual = body["extensions"]["plan"]["actual"]
    assert len(body["data"]["clients"]["nodes"]) == first
    assert logins["R1"] > 1
    assert logins["L1"] > 1
    assert actual["ERP_DATABASE"]["calls"] == STATEMENTS
    assert {name: actual[name]["calls"] for name in ("CPLUGIN", "BROKER_WORK")} == calls_of(logins)
    assert vendor_calls(well_behaved) == calls_of(logins)


def test_equity_costs_one_more_call_a_server_and_no_more(graph, well_behaved):
    body = graph.ask(WITH_EQUITY, {"first": 50}, explain=True)

    assert vendor_calls(well_behaved) == calls_of(logins_by_server(body), functions=2)


@pytest.mark.parametrize("first", [50, 200])
def test_the_plan_predicts_statements_exactly_and_calls_from_above(graph, first):
    plan = graph.ask(DASHBOARD, {"first": first}, explain=True)["extensions"]["plan"]

    assert plan["predicted"]["ERP_DATABASE"]["calls"] == plan["actual"]["ERP_DATABASE"]["calls"] == STATEMENTS
    for system, actual in plan["actual"].items():
        assert actual["calls"] <= plan["predicted"][system]["calls"]
        assert actual["keys"] <= plan["predicted"][system]["keys"]


def test_the_plan_tells_our_own_database_from_the_erps(graph):
    query = """{ client(by: { clientNumber: 500608 }) { instructions(first: 1) {
        totalCount nodes { events { status } client { fullName } } } } }"""
    deposit(graph, "R1", "61436")

    plan = graph.ask(query, explain=True)["extensions"]["plan"]

    statements = {system: cost["calls"] for system, cost in plan["actual"].items()}
    # The instruction's client is the one that was found first.
    assert statements == {"ERP_DATABASE": 1, "STATE_DATABASE": 3}
    assert plan["predicted"]["STATE_DATABASE"]["calls"] == 3


def test_the_plan_is_shown_only_when_asked_for(graph):
    response = graph.post("{ viewer { name } }", extensions={})

    assert response.json() == {"data": {"viewer": {"name": "demo-operator"}}}


def test_aliases_with_equal_arguments_share_a_call_and_others_do_not(graph):
    shared = graph.ask(
        """{ clients(first: 10) { nodes { a: tradingAccounts(first: 2) { nodes { login } }
                                         b: tradingAccounts(first: 2) { nodes { login } } } } }""",
        explain=True,
    )
    different = graph.ask(
        """{ clients(first: 10) { nodes { a: tradingAccounts(first: 2) { nodes { login } }
                                         b: tradingAccounts(first: 3) { nodes { login } } } } }""",
        explain=True,
    )

    assert shared["extensions"]["plan"]["actual"]["ERP_DATABASE"]["calls"] == 2
    assert different["extensions"]["plan"]["actual"]["ERP_DATABASE"]["calls"] == 3


def test_point_lookups_of_one_request_share_a_statement(graph):
    aliases = " ".join(f"c{n}: client(by: {{ clientNumber: {600001 + n} }}) {{ fullName }}" for n in range(20))

    body = graph.ask(f"{{ {aliases} }}", explain=True)

    assert body["extensions"]["plan"]["actual"]["ERP_DATABASE"] == {"calls": 1, "keys": 20}


def test_a_live_answer_per_client_has_a_limit_that_is_refused_before_anything_runs(graph, well_behaved):
    response = graph.post("{ clients(first: 21) { nodes { live { agency } } } }")

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "at most 20 in one operation" in error["message"]
    assert well_behaved.calls("hyper")["total"] == 0


def test_a_figure_that_is_young_enough_is_not_fetched_again(graph, well_behaved):
    query = """query ($age: Int!) { tradingAccount(by: { account: { server: "R1", login: "61436" } }) {
        live(maxAgeSeconds: $age) { balance observedAt } } }"""

    # Figures are cached once a request has accepted older ones.
    graph.data(query.replace("61436", "55521"), {"age": 1})
    first = graph.data(query, {"age": 0})
    reused = graph.data(query, {"age": 600})
    fetched = graph.data(query, {"age": 0})

    assert reused == first
    assert fetched["tradingAccount"]["live"]["observedAt"] > first["tradingAccount"]["live"]["observedAt"]
    assert well_behaved.calls("cplugin")["total"] == 3
