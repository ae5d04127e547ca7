"""More at once than is allowed, over real sockets: some are turned away at once, the others are answered."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from support.clients import http_client
from support.graphs import Graph, running_graph

pytestmark = pytest.mark.anyio

PLACES = 2
CLIENT = "{ client(by: {clientNumber: 500608}) { fullName } }"
LIVE = "{ client(by: {clientNumber: 500608}) { live { isRestricted: __typename } } }"
VIEWER = "{ viewer { name } }"
ORDER = """mutation { deposit(input: {account: {account: {server: "R1", login: "61436"}}, amount: "0", currency: USD,
    idempotencyKey: "overload"}) { __typename } }"""

DEPOSIT = """mutation {{ deposit(input: {{account: {{account: {{server: "R1", login: "{login}"}}}}, amount: "1",
    currency: {currency}, idempotencyKey: "{key}"}}) {{ __typename }} }}"""


@pytest.fixture(scope="module")
def small(box) -> Iterator[Graph]:
    with running_graph(
        box,
        OVERLOAD__MAX_RUNNING=str(PLACES),
        OVERLOAD__MIN_RUNNING=str(PLACES),
        OVERLOAD__MUTATION_RESERVE="1",
        OVERLOAD__MAX_WAIT_SECONDS="0.1",
        SERVER__REQUEST_DEADLINE_SECONDS="20",
        RECONCILIATION__ENABLED="false",
        LIMITS__COST_MAX="2000",
        BUDGET__COST_PER_MINUTE="3600",
        BUDGET__MUTATIONS_RESERVED="600",
    ) as graph:
        yield graph


# Its headers and the beginning of its body.
HALF = (
    b"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-partner\r\ncontent-type: application/json\r\n"
    b"content-length: 1000\r\n\r\n{"
)
SAYS_MUTATION = {"x-graphql-operation-type": "mutation"}


def headers(key: str = "demo-operator") -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "accept": "application/graphql-response+json"}


async def asked(client: httpx.AsyncClient, graph: Graph, query: str, key: str = "demo-operator", says=None, **more):
    body = {"query": query, **more}
    return await client.post(f"{graph.url}/graphql", json=body, headers=headers(key) | (says or {}))


@pytest.fixture
async def browser():
    async with http_client(timeout=30, limits=httpx.Limits(max_connections=100)) as client:
        yield client


async def metrics(graph: Graph, browser: httpx.AsyncClient) -> str:
    return (await browser.get(f"{graph.url}/metrics", headers=headers())).text


async def present(graph: Graph, browser: httpx.AsyncClient, name: str, number: int) -> None:
    """Until so many are at it."""
    for _ in range(500):
        text = await metrics(graph, browser)
        if f"\nbrokergraph_requests_{name} {float(number)}\n" in text:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(text)


@pytest.mark.usefixtures("well_behaved")
async def test_requests_without_a_slot_are_shed_and_the_others_answered(small, browser, database):
    transaction = database.transaction()
    await transaction.start()
    # A request to the ERP waits now and keeps its slot: a database is no vendor.
    await database.execute("LOCK TABLE hyper.clients IN ACCESS EXCLUSIVE MODE")
    slow = [asyncio.create_task(asked(browser, small, CLIENT)) for _ in range(PLACES)]
    await present(small, browser, "running", PLACES)

    refused = await asyncio.gather(*(asked(browser, small, VIEWER) for _ in range(20)))
    lies = await asked(browser, small, VIEWER, says=SAYS_MUTATION)
    unsaid = await asked(browser, small, ORDER)
    order = await asked(browser, small, ORDER, says=SAYS_MUTATION)
    alive = await browser.get(f"{small.url}/livez")
    await transaction.rollback()

    assert {answer.status_code for answer in (*refused, lies, unsaid)} == {503}
    for answer in (*refused, lies, unsaid):
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert answer.headers["content-type"].startswith("application/graphql-response+json")
        assert answer.headers["x-request-id"]
        error = answer.json()["errors"][0]
        assert error["extensions"]["code"] == "OVERLOADED"
        assert str(error["extensions"]["retryAfterSeconds"]) == answer.headers["retry-after"]
    assert order.json() == {"data": {"deposit": {"__typename": "ValidationFailed"}}}
    assert alive.status_code == 200
    assert [(await one).json()["data"]["client"]["fullName"] for one in slow] == ["Noa Ben-David"] * PLACES
    assert (await asked(browser, small, VIEWER)).status_code == 200


@pytest.mark.usefixtures("well_behaved")
async def test_a_burst_upon_a_server_that_has_just_started_is_answered(box):
    with running_graph(box, RECONCILIATION__ENABLED="false") as fresh:
        async with http_client(timeout=30, limits=httpx.Limits(max_connections=200)) as browsers:
            answers = await asyncio.gather(*(asked(browsers, fresh, CLIENT) for _ in range(200)))

    assert [answer.status_code for answer in answers] == [200] * 200


async def test_a_hanging_vendor_takes_no_slot_from_other_requests(small, browser, well_behaved):
    well_behaved.tell("hyper", "/misbehave", {"fault": "hang"})
    slow = [asyncio.create_task(asked(browser, small, LIVE)) for _ in range(PLACES)]
    await present(small, browser, "in_flight", PLACES)
    await present(small, browser, "running", 0)

    answers = [await asked(browser, small, VIEWER) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    for one in slow:
        one.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_o14_deposits_that_wait_for_a_vendor_hold_no_slot(small, browser, well_behaved, database):
    query = """SELECT a.login, a.currency FROM platform.account a JOIN brokergraph_erp.client c USING (client_number)
        WHERE a.server = 'R1' AND a.enabled AND NOT a.read_only AND c.identity_locked AND c.erp_status IN (4, 5)
        ORDER BY a.login LIMIT $1"""
    accounts = await database.fetch(query, PLACES)
    well_behaved.tell("cplugin", "/misbehave", {"fault": "slow_then_ok", "seconds": 3, "path": "TradeTransaction"})
    slow = [
        asyncio.create_task(asked(browser, small, DEPOSIT.format(**account, key=f"o14-{number}")))
        for number, account in enumerate(accounts)
    ]
    await present(small, browser, "in_flight", PLACES)
    await present(small, browser, "running", 0)

    answers = [await asked(browser, small, VIEWER) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert not any(one.done() for one in slow)
    outcomes = [(await one).json()["data"]["deposit"]["__typename"] for one in slow]
    assert outcomes == ["DepositConfirmed"] * PLACES
    await present(small, browser, "running", 0)


async def test_clients_that_send_slowly_take_no_slot_from_others(small, browser):
    with ExitStack() as stack:
        for _ in range(PLACES):
            wire = stack.enter_context(socket.create_connection(urlsplit(small.url).netloc.rsplit(":", 1)))
            wire.sendall(HALF)
        await present(small, browser, "in_flight", PLACES)
        await present(small, browser, "running", 0)
        answers = [await asked(browser, small, VIEWER) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5


@pytest.mark.usefixtures("well_behaved")
async def test_a_callers_budget_ends_with_429_and_nothing_has_run(small, browser, well_behaved):
    # 1 + 200 x 11: more than one may cost.
    dear = "{ clients(first: 200) { nodes { balances { value { amount } } } } }"
    fits = "{ clients(first: 150) { nodes { balances { value { amount } } } } }"

    too_dear = await asked(browser, small, dear, "demo-reader")
    first = await asked(browser, small, fits, "demo-partner", extensions={"cost": True})
    second = await asked(browser, small, fits, "demo-partner")
    order = await asked(browser, small, ORDER, "demo-partner")
    other = await asked(browser, small, VIEWER, "demo-operator")

    assert too_dear.status_code == 400
    assert too_dear.json()["errors"][0]["extensions"] == {
        "code": "LIMIT_EXCEEDED",
        "cost": 2201,
        "limit": 2000,
        "mostExpensiveField": "clients.nodes.balances",
    }
    assert first.status_code == 200
    assert first.json()["extensions"]["cost"].items() >= {"requested": 1651, "limit": 3000}.items()
    assert second.status_code == 429
    assert second.json().keys() == {"errors"}
    facts = second.json()["errors"][0]["extensions"]
    assert facts["code"] == "BUDGET_EXCEEDED"
    assert facts["retryAfterSeconds"] == int(second.headers["retry-after"]) <= 60
    assert second.headers["ratelimit-policy"] == '"query";q=3000;w=60;qu="cost", "mutation";q=3600;w=60;qu="cost"'
    assert second.headers["ratelimit"].startswith(f'"query";r={facts["remaining"]};t=')
    assert order.json() == {"data": {"deposit": {"__typename": "ValidationFailed"}}}
    assert order.headers["ratelimit"].startswith('"mutation";r=')
    assert other.status_code == 200


async def test_the_viewer_sees_what_is_left(small, browser):
    answer = await asked(browser, small, "{ viewer { budget { limit remaining resetsAt } } }")

    budget = answer.json()["data"]["viewer"]["budget"]
    assert budget["limit"] == 3000
    assert f'"query";r={budget["remaining"]};' in answer.headers["ratelimit"]
    assert "extensions" not in answer.json()


REFUSED = {
    "no graphql": ("POST", "{"),
    "no such field": ("POST", "{ nothing }"),
    "introspection without its scope": ("POST", "{ __schema { types { name } } }"),
    "a mutation without its scope": ("POST", ORDER),
    "a mutation by GET": ("GET", ORDER),
}


@pytest.mark.parametrize("method, query", REFUSED.values(), ids=REFUSED)
async def test_what_is_read_and_refused_is_not_free(small, browser, method, query):
    sent = {"params": {"query": query}} if method == "GET" else {"json": {"query": query}}

    answer = await browser.request(method, f"{small.url}/graphql", headers=headers("demo-reader"), **sent)

    assert answer.json()["errors"]
    assert answer.headers["ratelimit"].startswith('"query";r=')
