"""Many viewers of the same accounts, over real sockets: vendors see fewer calls than viewers ask, and no viewer
sees a foreign or an outdated figure.
"""

import asyncio
import re

import httpx
import pytest
from support.clients import http_client
from support.graphs import GRAPHQL_JSON, running_graph

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

VIEWERS = 16
LOOKS = 4
VENDOR_SECONDS = 0.15
VENDORS = {"cplugin": "UserRecordsRequest", "broker_work": "account/info"}
SYSTEMS = {"CPLUGIN": "cplugin", "BROKER_WORK": "broker_work"}

LOOK = """
{ client(by: { clientNumber: 500608 }) { fullName webStatus { code } balances { currency balance }
    tradingAccounts(filter: { servers: ["R1", "L1"] }) { nodes { login live { balance leverage group } } } } }
"""
ONE = """query ($login: String!) {
  tradingAccount(by: { account: { server: "L1", login: $login } }) { live { leverage } } }"""
MANY = """query ($numbers: [Int!]!) {
  clients(filter: { clientNumbers: $numbers }) { nodes { agency webStatus { code } balances { currency } } }
  known: client(by: { clientNumber: 500608 }) { fullName balances { currency balance } } }"""


PAGE = """query ($first: Int, $after: String, $last: Int, $before: String) {
  clients(first: $first, after: $after, last: $last, before: $before) {
    pageInfo { hasNextPage hasPreviousPage endCursor }
    edges { cursor node { clientNumber fullName agency balances { currency balance }
      tradingAccounts(first: 2) { nodes { login } } } } } }"""


class Viewer:
    """A caller with connections of its own."""

    def __init__(self, graph, browser: httpx.AsyncClient, key: str = "demo-operator") -> None:
        self.url = f"{graph.url}/graphql"
        self.browser = browser
        self.headers = GRAPHQL_JSON | {"authorization": f"Bearer {key}"}

    async def ask(self, query: str, variables: dict | None = None, *, explain: bool = True) -> dict:
        body = {"query": query, "variables": variables, "extensions": {"explain": explain}}
        response = await self.browser.post(self.url, json=body, headers=self.headers)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
async def browser():
    async with http_client(timeout=30, limits=httpx.Limits(max_connections=100)) as client:
        yield client


@pytest.fixture
def slow(well_behaved):
    """Vendors as far away as real ones."""
    for vendor, path in VENDORS.items():
        order = {"fault": "slow_then_ok", "seconds": VENDOR_SECONDS, "path": path}
        well_behaved.tell(vendor, "/misbehave", order)
    return well_behaved


async def counted(graph, browser) -> dict[str, float]:
    """Upstream calls by the server's own metrics."""
    text = (await browser.get(f"{graph.url}/metrics", headers={"authorization": "Bearer demo-operator"})).text
    found = re.findall(r'brokergraph_upstream_calls_total\{upstream="(\w+)"\} ([0-9.]+)', text)
    return {name: float(count) for name, count in found}


async def test_vendors_see_fewer_calls_than_viewers_ask(graph, browser, slow):
    alone = await Viewer(graph, browser).ask(LOOK)
    saw = {system: slow.calls(vendor)["total"] for system, vendor in SYSTEMS.items()}
    before = await counted(graph, browser)

    async def looks(viewer: Viewer) -> list[dict]:
        return [await viewer.ask(LOOK) for _ in range(LOOKS)]

    looked = await asyncio.gather(*(looks(Viewer(graph, browser)) for _ in range(VIEWERS)))
    answers = [answer for own in looked for answer in own]

    after = await counted(graph, browser)
    actual = [answer["extensions"]["plan"]["actual"] for answer in answers]
    assert [answer["data"] for answer in answers] == [alone["data"]] * (VIEWERS * LOOKS)
    assert all("errors" not in answer for answer in answers)
    for system, vendor in SYSTEMS.items():
        calls = slow.calls(vendor)["total"] - saw[system]
        # Without coalescing each look costs one call.
        assert 0 < calls < VIEWERS * LOOKS
        assert sum(plan[system]["calls"] for plan in actual) == calls == after[system] - before[system]
    keys = {system: cost["keys"] for system, cost in alone["extensions"]["plan"]["actual"].items()}
    assert [{system: cost["keys"] for system, cost in plan.items()} for plan in actual] == [keys] * len(actual)


async def test_a_later_request_shows_the_newer_figure(graph, browser, slow, database):
    login = await database.fetchval("SELECT min(login) FROM platform.account WHERE server = 'L1'")
    change = "UPDATE platform.account SET leverage = $1 WHERE server = 'L1' AND login = $2"
    old = await database.fetchval("SELECT leverage FROM platform.account WHERE server = 'L1' AND login = $1", login)
    crowd = [Viewer(graph, browser) for _ in range(VIEWERS)]
    over = asyncio.Event()

    async def watch(viewer: Viewer) -> None:
        while not over.is_set():
            await viewer.ask(ONE, {"login": str(login)})

    watching = [asyncio.create_task(watch(viewer)) for viewer in crowd]
    seen = []
    try:
        for step in range(1, 5):
            await database.execute(change, old + step, login)
            answer = await Viewer(graph, browser).ask(ONE, {"login": str(login)})
            seen.append(int(answer["data"]["tradingAccount"]["live"]["leverage"]))
    finally:
        over.set()
        await asyncio.gather(*watching)
        await database.execute(change, old, login)

    assert seen == [old + step for step in range(1, 5)]


async def test_tenants_in_one_crowd_see_their_own(graph, browser, database):
    """The partner may see agency 1, the operator all agencies; both ask for the same clients at the same moment."""
    rows = await database.fetch("SELECT client_number, agency FROM brokergraph_erp.client ORDER BY 1 LIMIT 60")
    numbers = {"numbers": [row["client_number"] for row in rows]}
    assert {row["agency"] == 1 for row in rows} == {True, False}
    operator, partner = Viewer(graph, browser), Viewer(graph, browser, "demo-partner")
    alone = [(await viewer.ask(MANY, numbers))["data"] for viewer in (operator, partner)]

    answers = await asyncio.gather(*(viewer.ask(MANY, numbers) for viewer in (operator, partner) * VIEWERS))

    assert [answer["data"] for answer in answers] == alone * VIEWERS
    assert alone[0]["known"]["fullName"] == "Noa Ben-David"
    assert alone[1]["known"] is None
    assert {client["agency"] for client in alone[1]["clients"]["nodes"]} == {1}


CLIENT = """query ($number: Int!, $accounts: Int = 3) { client(by: { clientNumber: $number }) {
  clientNumber fullName webStatus { code } balances { currency balance }
  tradingAccounts(first: $accounts) { nodes { login server { name } live { leverage group } } } } }"""
LIVE_PAGE = """query ($after: String) { clients(first: 3, after: $after) { nodes { clientNumber
  tradingAccounts(first: 2) { nodes { login live { leverage group } } } } } }"""


async def asked_of_clients(viewers, database):
    """Some clients, of which the partner may see only its own, and a number that no client has."""
    rows = await database.fetch("SELECT client_number FROM brokergraph_erp.client ORDER BY 1 LIMIT 8")
    numbers = [row["client_number"] for row in rows] + [500608, 999_999_999]
    asked = [(viewer, CLIENT, {"number": number}) for viewer in viewers for number in numbers]
    return [*asked, (viewers[0], CLIENT, {"number": 500608, "accounts": 1})]


def own(answer: dict) -> dict:
    """The answer without the ids of its request."""
    for error in answer.get("errors", ()):
        error["extensions"].pop("requestId", None)
    return answer | {"errors": sorted(answer.get("errors", ()), key=lambda error: str(error["path"]))}


async def alone_and_in_a_crowd(asked) -> tuple[list[dict], list[dict]]:
    """The answers one after another, and those to three of each request at the same time."""
    alone = [own(await viewer.ask(text, variables, explain=False)) for viewer, text, variables in asked]
    crowd = [viewer.ask(text, variables, explain=False) for viewer, text, variables in asked * 3]
    return alone * 3, [own(answer) for answer in await asyncio.gather(*crowd)]


@pytest.mark.parametrize("executor", ["engine", "graphql-core"])
async def test_requests_that_run_together_get_the_answers_of_their_own_runs(patient, browser, database):
    viewers = [Viewer(patient, browser), Viewer(patient, browser, "demo-partner")]
    asked = await asked_of_clients(viewers, database)
    page = (await viewers[0].ask(PAGE, {"first": 9}, explain=False))["data"]["clients"]["edges"]
    asked += [(viewer, LIVE_PAGE, {"after": edge["cursor"]}) for viewer in viewers for edge in page]

    alone, crowd = await alone_and_in_a_crowd(asked)

    assert crowd == alone
    assert len({str(answer) for answer in alone}) > len(asked) // 2, "the answers differ"


@pytest.mark.parametrize("executor", ["engine"])
async def test_a_wrong_argument_below_the_client_is_a_mistake_of_the_caller_and_logged_as_no_failure(patient, browser):
    viewer, wrong = Viewer(patient, browser), {"number": 500608, "accounts": -1}

    alone, crowd = await alone_and_in_a_crowd([(viewer, CLIENT, wrong)] * VIEWERS)

    assert crowd == alone
    assert alone[0]["errors"][0]["path"] == ["client", "tradingAccounts"]
    assert "joint run failed" not in patient.written()


@pytest.mark.parametrize("executor", ["engine", "graphql-core"])
async def test_a_vendor_that_is_down_is_told_to_each_of_the_requests_that_run_together(
    patient, browser, database, well_behaved
):
    viewers = [Viewer(patient, browser), Viewer(patient, browser, "demo-partner")]
    asked = await asked_of_clients(viewers, database)
    well_behaved.tell("broker_work", "/misbehave", {"fault": "status", "status": 500})

    alone, crowd = await alone_and_in_a_crowd(asked)

    assert any(answer["errors"] for answer in alone)
    assert [answer["data"] for answer in crowd] == [answer["data"] for answer in alone]
    places = [[[error["path"] for error in answer["errors"]] for answer in answers] for answers in (alone, crowd)]
    assert places[0] == places[1]


async def some_pages(viewer: Viewer) -> list[dict]:
    """Neighbouring, overlapping and equal pages, of different lengths, from both ends, and one behind the last."""
    cursors = [
        edge["cursor"] for edge in (await viewer.ask(PAGE, {"first": 40}, explain=False))["data"]["clients"]["edges"]
    ]
    [last] = (await viewer.ask(PAGE, {"last": 1}, explain=False))["data"]["clients"]["edges"]
    forward = [{"first": 5, "after": cursors[place]} for place in (0, 5, 7, 7, 20)]
    backward = [{"last": 5, "before": cursors[place]} for place in (3, 9, 30)]
    return [*forward, *backward, {"first": 5}, {"first": 3, "after": cursors[0]}, {"first": 5, "after": last["cursor"]}]


async def all_waiting(graph, browser, number) -> None:
    """Until so many requests are in flight, and some turns more."""
    in_flight = 0
    while in_flight < number:
        text = (await browser.get(f"{graph.url}/metrics", headers={"authorization": "Bearer demo-operator"})).text
        in_flight = float(re.search(r"^brokergraph_requests_in_flight (\S+)$", text, re.MULTILINE)[1])
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.4)


@pytest.fixture
def patient(box, executor):
    """A server whose deadline is not reached while a busy machine lets the requests come in."""
    with running_graph(
        box,
        SERVER__EXECUTOR=executor,
        SERVER__HOT_AFTER="0",
        SERVER__REQUEST_DEADLINE_SECONDS="30",
        RECONCILIATION__ENABLED="false",
    ) as running:
        yield running


# graphql-core renders no pages.
@pytest.mark.parametrize("executor", ["engine", "graphql-core"])
async def test_pages_that_wait_are_read_by_one_statement_and_each_is_its_own(patient, browser, database, executor):
    viewers = [Viewer(patient, browser), Viewer(patient, browser, "demo-partner")]
    asked = [(viewer, page) for viewer in viewers for page in await some_pages(viewer)] * 2
    alone = [(await viewer.ask(PAGE, page, explain=False)) for viewer, page in asked]
    before = await counted(patient, browser)

    transaction = database.transaction()
    await transaction.start()
    await database.execute("LOCK TABLE hyper.clients IN ACCESS EXCLUSIVE MODE")
    crowd = asyncio.gather(*(viewer.ask(PAGE, page, explain=False) for viewer, page in asked))
    await all_waiting(patient, browser, len(asked))
    await transaction.rollback()
    answers = await crowd

    after = await counted(patient, browser)
    assert answers == alone
    assert all(answer["data"]["clients"]["edges"] for answer in alone[:3])
    assert alone[0]["data"] != alone[len(asked) // 4]["data"], "the partner sees the same as everybody"
    if executor == "engine":
        # Sixteen are let in at once; of those, two statements for each caller and length of page are under way.
        assert after["ERP_DATABASE"] - before["ERP_DATABASE"] <= 0.75 * len(asked)
