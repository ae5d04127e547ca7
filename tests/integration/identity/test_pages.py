"""The callers that may see the pages beside the graph, and those that may introspect."""

import asyncio
from types import SimpleNamespace

import pytest

from api.identity.api_keys import Unauthenticated
from api.identity.authenticator import IdentityUnknown
from api.pages.access import refusal_for
from api.pages.health import Condition, Readiness
from core.clock import Clock
from core.errors import System, Unavailable
from core.secret import Secret
from resolvers.context import Caller
from resolvers.policy.scopes import Scope
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state.schema_version import SchemaVersion
from upstreams.state.write_access import WriteAccess

pytestmark = pytest.mark.anyio
OPERATOR = Caller("op", "op", frozenset({"metrics:read"}), None)
ANYBODY = Caller("any", "any", frozenset({"client:read", "schema:read"}), None)


def request_of(caller):
    async def found(_header):
        if isinstance(caller, Exception):
            raise caller
        return caller

    house = SimpleNamespace(authenticator=SimpleNamespace(caller=found))
    return SimpleNamespace(state=SimpleNamespace(app_services=house), headers={})


@pytest.mark.parametrize(
    "audience, statuses",
    [
        ("everyone", [None, None, None, None]),
        ("callers", [None, None, 401, 503]),
        ("operators", [None, 403, 401, 503]),
        ("nobody", [404, 404, 404, 404]),
    ],
)
async def test_an_audience_admits_the_callers_that_it_names(audience, statuses):
    callers = [OPERATOR, ANYBODY, Unauthenticated("no"), IdentityUnknown("away")]

    found = [await refusal_for(request_of(caller), audience, Scope.METRICS_READ) for caller in callers]

    assert [refusal and refusal.status_code for refusal in found] == statuses


@pytest.mark.parametrize("path", ["/metrics", "/schema.graphql"])
def test_by_default_only_operators_see_the_pages(believing, path):
    graph = believing.graph

    def status(key):
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return graph.client.get(f"{graph.url}{path}", headers=headers).status_code

    assert [status(key) for key in ("demo-operator", "demo-reader", "nobody", None)] == [200, 403, 401, 401]


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/index.html"])
def test_by_default_no_caller_finds_the_documentation(believing, path):
    graph = believing.graph

    response = graph.client.get(f"{graph.url}{path}", headers={"authorization": "Bearer demo-operator"})

    assert response.status_code == 404


@pytest.mark.parametrize("asked, given", [("br", "br"), ("gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("", None)])
def test_the_schema_file_is_compressed_when_the_client_accepts_it(believing, asked, given):
    headers = {"authorization": "Bearer demo-operator", "accept-encoding": asked}

    with believing.graph.client.stream("GET", f"{believing.graph.url}/schema.graphql", headers=headers) as response:
        raw = b"".join(response.iter_raw())

    assert response.headers.get("content-encoding") == given
    assert response.headers["vary"] == "Accept-Encoding, Authorization"
    assert (raw.startswith(b'"""') or b"type Query" in raw) is (given is None)


def test_readyz_shows_its_status_to_all_and_its_details_to_operators(believing):
    graph = believing.graph
    address = f"{graph.url}/readyz"

    assert graph.client.get(address).json() == {"ready": True}
    assert graph.client.get(address, headers={"authorization": "Bearer demo-reader"}).json() == {"ready": True}
    assert graph.client.get(address, headers={"authorization": "Bearer demo-operator"}).json() == {
        "ready": True,
        "erp_database": "up",
        "state_database": "up",
        "instructions": "available",
    }


def test_by_default_a_browser_finds_no_graphiql(believing):
    graph = believing.graph

    response = graph.client.get(f"{graph.url}/graphql", headers={"accept": "text/html"})

    assert response.status_code == 404
    assert "graphiql" not in response.text


class CountingDatabase(Database):
    def __init__(self, *, is_away=False):
        super().__init__(DatabaseConfig(url=Secret("")), label="counted")
        self.looks, self.is_away = 0, is_away

    async def write(self, _statement, **_more):
        self.looks += 1
        await asyncio.sleep(0.01)
        if self.is_away:
            raise Unavailable("away", system=System("ERP_DATABASE"))

    async def transact(self, work, *, seconds):
        await self.write(work, seconds=seconds)


async def test_however_many_ask_whether_it_is_ready_the_databases_are_asked_once():
    """Readiness needs no key. Without this rule any caller could keep every connection of both pools busy."""
    erp, state = CountingDatabase(), CountingDatabase(is_away=True)
    ledger = SimpleNamespace(access=WriteAccess(state, Clock()))
    upstreams = SimpleNamespace(
        erp_database=erp, state=SimpleNamespace(database=state, ledger=ledger, schema=SchemaVersion(state))
    )
    house = SimpleNamespace(upstreams=upstreams, clock=Clock())
    readiness = Readiness()

    answers = await asyncio.gather(*(readiness.look(house) for _ in range(50)))
    again = await readiness.look(house)
    await readiness.aclose()

    assert [*answers, again] == [Condition(erp=True, state=False, instructions=False, migrated=False)] * 51
    # The state database is asked whether it answers, whether it takes instructions, and for its migrations.
    assert (erp.looks, state.looks) == (2, 6)


INTROSPECTION = ["{ __schema { types { name } } }", '{ t: __type(name: "Client") { fields { name } } viewer { name } }',
                 "query { ...f } fragment f on Query { __schema { queryType { name } } }"]  # fmt: skip


@pytest.mark.parametrize("query", INTROSPECTION)
def test_introspection_is_for_those_with_the_scope(believing, query):
    body = believing.graph.ask(query, key="demo-reader")

    assert body["data"] is None
    [error] = body["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "requiredScopes": ["schema:read"]}
    assert "errors" not in believing.graph.ask(query, key="demo-operator")


def test_typename_is_no_introspection(believing):
    assert believing.graph.data("{ __typename viewer { __typename } }", key="demo-reader")["__typename"] == "Query"


MISSPELT = {
    "a field": ("{ clinet { fullName } }", None),
    "an argument": ("{ client(bye: { clientNumber: 1 }) { fullName } }", None),
    "a type": ("{ node(id: 1) { ... on Clinet { fullName } } }", None),
    "an enum value": ("{ clients(filter: { erpStatus: [REEL] }) { totalCount } }", None),
    "an enum variable": (
        "query ($v: [ErpStatusCode!]) { clients(filter: { erpStatus: $v }) { totalCount } }",
        ["REEL"],
    ),
    "an input field": ("{ client(by: { clientNumbre: 1 }) { fullName } }", None),
    "an input variable": ("query ($v: ClientBy!) { client(by: $v) { fullName } }", {"clientNumbre": 1}),
    "a selection": ("{ viewer }", None),
    "a variable type": ("query ($v: ClientBuy!) { client(by: $v) { fullName } }", None),
    "a fragment's type": ("{ viewer { ...f } } fragment f on Viewr { name }", None),
}


@pytest.mark.parametrize("query, value", MISSPELT.values(), ids=MISSPELT.keys())
def test_misspelt_names_get_no_suggestion_without_the_scope(believing, query, value):
    def messages(key):
        body = believing.graph.post(query, {"v": value}, key).json()
        return [error["message"] for error in body["errors"]]

    helped, told = messages("demo-operator"), messages("demo-reader")

    assert [message for message in helped if "Did you mean" in message]
    assert [message for message in told if "Did you mean" in message] == []
    assert [message.partition(" Did you mean")[0] for message in helped] == told
