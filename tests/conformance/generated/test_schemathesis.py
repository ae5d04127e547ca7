"""Random operations that an independent generator makes of our schema, valid and invalid ones, over real HTTP.

No server error, no masked error, and an answer to every request. 5,000 cases in the long run
(TORTURE=long), some hundreds else.
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.graphql import nodes
from support.graphs import running_graph

LONG = os.environ.get("TORTURE") == "long"
SEED = int(os.environ.get("TORTURE_SEED", "1"))
CASES = 5_000 if LONG else 500
FIELDS = 20
HEADERS = {"authorization": "Bearer demo-operator"}
# Far above the server's own deadline: an answer later than this is one that does not come.
PATIENCE_SECONDS = 30

pytestmark = pytest.mark.timeout(1200)

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
AMOUNTS = st.decimals(allow_nan=True, places=4).map(str)
schemathesis.graphql.scalar("Decimal", (AMOUNTS | TEXTS).map(nodes.String))
schemathesis.graphql.scalar("CurrencyCode", (st.sampled_from(["USD", "BTC", "usd", "X"]) | TEXTS).map(nodes.String))
schemathesis.graphql.scalar("DateTime", (st.datetimes().map(str) | TEXTS).map(nodes.String))


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(
        box,
        SERVER__INTROSPECTION="true",
        SERVER__REQUEST_DEADLINE_SECONDS="5",
        BUDGET__STORE="off",
        HTTP__MAX_CONNECTIONS="200",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def operations(graph):
    schema = schemathesis.graphql.from_url(f"{graph.url}/graphql", headers=HEADERS)
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) == FIELDS, [one.label for one in found]
    return found


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("field", range(FIELDS))
@pytest.mark.usefixtures("well_behaved")
def test_no_generated_operation_breaks_the_server(graph, operations, field, mode):
    strategy = operations[field].as_strategy(generation_mode=mode)
    answered = []

    @seed(SEED)
    @settings(
        max_examples=CASES // FIELDS // len(GenerationMode) + 1,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def ask(case):
        response = case.call(headers=HEADERS, timeout=PATIENCE_SECONDS)
        assert response.status_code < 500, (response.status_code, response.text, case.body)
        body = response.json()
        codes = [error["extensions"]["code"] for error in body.get("errors", ())]
        assert "INTERNAL_ERROR" not in codes, (body, case.body)
        assert "DEADLINE_EXCEEDED" not in codes, (body, case.body)
        assert "data" in body or codes, body
        answered.append(response.status_code)

    ask()

    assert answered
    assert graph.client.get(f"{graph.url}/livez").status_code == 200
