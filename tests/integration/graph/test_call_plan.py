"""O12: what an operation is predicted to ask of an upstream is never less than what it asks."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from resolvers.context import GraphLimits
from resolvers.policy.enums import UpstreamSystem
from resolvers.request.call_plan import Ports, predict_calls
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Documents, RunnableOperation
from resolvers.request.selection import Selector
from resolvers.request.variables import read_variables
from resolvers.schema import core_schema

pytestmark = pytest.mark.usefixtures("well_behaved")

ONE = "client(by: {clientNumber: 500608})"
PAGE = "pageInfo { hasNextPage hasPreviousPage } totalCount"
ACCOUNT = '{account: {server: "R1", login: "61436"}}'
LIVE = "live { totalFloatingBalance { amount } }"
TIMES = 'from: "2025-01-01T00:00:00Z", to: "2025-03-01T00:00:00Z"'
DEEP = f"""{{ tradingAccount(by: {ACCOUNT}) {{ login live {{ balance equity }} client {{
  fullName {LIVE} tradingAccounts {{ nodes {{ login client {{ clientNumber webStatus {{ code }} }} }} }} }} }} }}"""
OPERATIONS = {
    "one client with accounts and live figures": f"""{{ {ONE} {{
      fullName tradingAccounts {{ nodes {{ login live {{ balance }} }} }} {LIVE} }} }}""",
    "all relations of one client": f"""{{ {ONE} {{ fullName webStatus {{ code }} balances {{ currency }} {LIVE}
      tradingAccounts(first: 3) {{ {PAGE} nodes {{ login live {{ balance equity currency }} }} }} }} }}""",
    "figures and currencies": f"""{{ {ONE} {{ tradingAccounts {{ nodes {{
      live {{ balance equity margin freeMargin marginLevel currency leverage group credit }} }} }} }} }}""",
    "currencies alone": f"{{ {ONE} {{ tradingAccounts {{ nodes {{ live {{ currency }} }} }} }} }}",
    "a page": f"""{{ clients(first: 5) {{ {PAGE} nodes {{ fullName {LIVE}
      tradingAccounts {{ {PAGE} nodes {{ login live {{ equity balance currency }} }} }} }} }} }}""",
    "the end of a page": f"""{{ clients(last: 5) {{ {PAGE} nodes {{ fullName
      tradingAccounts(last: 2) {{ {PAGE} nodes {{ login live {{ equity }} }} }} }} }} }}""",
    "an account and its owner": DEEP,
    "aliases": f"""{{ {ONE} {{ a: tradingAccounts(first: 1) {{ nodes {{ live {{ balance }} }} }}
      b: tradingAccounts(first: 2) {{ nodes {{ live {{ equity }} o: live(maxAgeSeconds: 9) {{ balance }} }} }} }} }}""",
    "instructions": f"""{{ {ONE} {{ id instructions(first: 3) {{ totalCount nodes {{
      id events {{ status }} client {{ fullName {LIVE} }} account {{ login }} }} }} }} }}""",
    "trades of an account": f"""{{ tradingAccount(by: {ACCOUNT}) {{ openPositions {{ ticket }}
      a: closedTrades({TIMES}) {{ nodes {{ ticket }} }} b: closedTrades({TIMES}, first: 1) {{ nodes {{ ticket }} }}
      dailyReports({TIMES}) {{ day }} live {{ equity }} }} }}""",
    "trades of a page": f"""{{ clients(first: 100) {{ nodes {{ tradingAccounts(first: 5) {{ nodes {{
      openPositions {{ ticket }} closedTrades({TIMES}, first: 1) {{ nodes {{ ticket }} }} }} }} }} }} }}""",
    "trades of MT5 by its Web API": f"""{{ tradingAccounts(first: 100, filter: {{ servers: ["M1"] }}) {{ nodes {{
      openPositions {{ ticket }} closedTrades({TIMES}) {{ nodes {{ ticket }} }} dailyReports({TIMES}) {{ day }}
      live {{ equity currency }} }} }} }}""",
    "positions of a few": f"{{ {ONE} {{ tradingAccounts {{ nodes {{ openPositions {{ ticket }} }} }} }} }}",
    "a key": '{ instruction(by: { idempotencyKey: "unknown" }) { id } }',
}


def check(graph, query: str, variables: dict | None = None) -> dict:
    body = graph.ask(query, variables, explain=True)
    plan = body["extensions"]["plan"]
    for system, actual in plan["actual"].items():
        predicted = plan["predicted"].get(system, {"calls": 0, "keys": 0})
        assert actual["calls"] <= predicted["calls"], (system, plan, body.get("errors"))
        assert actual["keys"] <= predicted["keys"], (system, plan)
    assert plan["milliseconds"].keys() == plan["actual"].keys()
    return plan


@pytest.mark.parametrize("query", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_o12_a_prediction_is_never_below_what_is_made(graph, query):
    plan = check(graph, query)

    assert plan["actual"], "the operation needs an upstream"


def test_figures_from_memory_are_in_no_plan(graph):
    plan = check(graph, "{ upstreams { system } tradingServers { name } viewer { name budget { remaining } } }")

    assert plan == {"predicted": {}, "actual": {}, "milliseconds": {}}


def test_o12_a_live_answer_costs_a_statement_for_its_password(graph):
    plan = check(graph, OPERATIONS["one client with accounts and live figures"])

    assert plan["predicted"]["ERP_DATABASE"] == plan["actual"]["ERP_DATABASE"] == {"calls": 3, "keys": 3}


@pytest.mark.parametrize(
    "field",
    [
        f'deposit(input: {{ account: {ACCOUNT}, amount: "1", currency: USD, idempotencyKey: "KEY" }})',
        'createTradingAccount(input: { clientNumber: 500608, idempotencyKey: "KEY" })',
        """createTradingAccount(input: { clientNumber: 500608, idempotencyKey: "KEY",
                                        server: { server: "R1", group: "Basic_IL2" } })""",
    ],
    ids=["deposit", "a new account", "a new account on a server"],
)
def test_o12_a_mutation_is_predicted_with_its_look_ups(graph, field):
    check(graph, "mutation { " + field.replace("KEY", str(uuid.uuid4())) + " { __typename } }")


@pytest.mark.parametrize("selected, calls", [("balance", 1), ("equity", 2), ("currency", 6), ("equity currency", 7)])
def test_o12_a_single_server_is_asked_by_each_function(selected, calls):
    """Five accounts on one server: one call for their records, one for margins, one for each of five groups."""
    text = f"{{ {ONE} {{ tradingAccounts(first: 5) {{ nodes {{ live {{ {selected} }} }} }} }} }}"
    document = Documents(core_schema, DocumentLimits(), introspection=True).read(text)
    operation = document.operation(None)
    runnable = RunnableOperation(document, operation, read_variables(core_schema, document, operation, {}))
    selection = Selector(core_schema, runnable, 50).operation()

    plan = predict_calls(selection, GraphLimits(), Ports({UpstreamSystem("CPLUGIN"): [200]}, {}))

    assert plan.calls["CPLUGIN"] == calls


def test_o12_nodes_cost_a_statement_for_each_type_among_the_ids(graph):
    deposit = f"""mutation {{
      deposit(input: {{ account: {ACCOUNT}, amount: "1", currency: USD, idempotencyKey: "{uuid.uuid4()}" }}) {{
        ... on DepositConfirmed {{ instruction {{ id events {{ status }} client {{ fullName }} }}
          account {{ login live {{ balance }} }} }} }} }}"""
    check(graph, deposit)
    found = graph.data(f"{{ {ONE} {{ id tradingAccounts(first: 2) {{ nodes {{ id }} }} }} }}")["client"]
    made = graph.data(f"{{ {ONE} {{ instructions(first: 1) {{ nodes {{ id }} }} }} }}")["client"]["instructions"]
    ids = [found["id"], *(one["id"] for one in found["tradingAccounts"]["nodes"]), made["nodes"][0]["id"]]
    query = f"""query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on Client {{ fullName webStatus {{ code }} {LIVE} }}
      ... on TradingAccount {{ login client {{ fullName }} live {{ equity }} }} }} }}"""

    bare = check(graph, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})
    check(graph, query, {"ids": ids})
    for one in (*ids, "nonsense"):
        check(graph, query, {"ids": [one]})

    assert bare["predicted"] == bare["actual"]
    assert bare["actual"] == {"ERP_DATABASE": {"calls": 2, "keys": 3}, "STATE_DATABASE": {"calls": 1, "keys": 1}}


def test_the_plan_has_the_time_of_slow_calls(graph, well_behaved):
    query = '{ tradingAccount(by: { account: { server: "R1", login: "61436" } }) { live { balance } } }'

    well_behaved.tell("cplugin", "/misbehave", {"fault": "slow_then_ok", "seconds": 0.3})
    milliseconds = check(graph, query)["milliseconds"]

    assert milliseconds["CPLUGIN"] >= 300
    assert milliseconds["ERP_DATABASE"] > 0


def test_a_shared_call_has_its_time_in_the_plan_of_each_request(graph):
    query = f"{{ {ONE} {{ id }} }}"

    with ThreadPoolExecutor(8) as threads:
        plans = list(threads.map(lambda _: check(graph, query), range(16)))

    assert [plan for plan in plans if plan["milliseconds"]["ERP_DATABASE"] <= 0] == []
