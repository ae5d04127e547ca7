"""The streams of figures: the current value first, then each change; shared vendor calls; what a caller may see."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest
from support.graphs import running_graph
from support.streams import TRANSPORTS, SocketStream

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]
transports = pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda one: one.__name__)

ACCOUNTS = """subscription ($ids: [ID!]!) { tradingAccountsChanged(ids: $ids, everySeconds: 1) {
  observedAt account { id login live { balance equity observedAt } } } }"""
BALANCES = """subscription ($numbers: [Int!]!) { clientBalancesChanged(clientNumbers: $numbers) {
  changed observedAt client { clientNumber balances { currency balance } } } }"""
CHANGE = "UPDATE platform.account SET balance = balance + $2 WHERE server = 'R1' AND login = $1 RETURNING balance"
SOME = """SELECT t.server, t.login, c.client_number, c.agency FROM brokergraph_erp.trading_account t
          JOIN brokergraph_erp.client c USING (client_number)
          JOIN platform.account a ON a.server = t.server AND a.login::text = t.login
          WHERE t.server = 'R1' AND c.agency = $1 ORDER BY t.login LIMIT 2"""


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box, STREAMS__BALANCES_SECONDS="0.2") as running:
        yield running


@pytest.fixture
async def accounts(graph, database):
    """Two accounts of agency 1 on R1: their ids, and their rows."""
    rows = await database.fetch(SOME, 1)
    ids = [
        graph.data(
            "query ($by: TradingAccountBy!) { tradingAccount(by: $by) { id } }",
            {"by": {"account": {"server": row["server"], "login": row["login"]}}},
        )["tradingAccount"]["id"]
        for row in rows
    ]
    return ids, rows


async def figures(stream):
    body = await stream.next()
    assert "errors" not in body, body
    return body["data"]["tradingAccountsChanged"]["account"]


async def balance_of(stream, identity, expected):
    """Read until the account has this balance. A value may be older by an interval."""
    while True:
        account = await figures(stream)
        if account["id"] == identity and Decimal(account["live"]["balance"]) == expected:
            return


@transports
async def test_accounts_come_with_their_figures_and_then_with_each_change(graph, accounts, database, transport):
    ids, rows = accounts
    login = int(rows[0]["login"])
    async with transport.open(graph.url, ACCOUNTS, {"ids": ids}) as stream:
        assert {(await figures(stream))["id"] for _ in ids} == set(ids)
        for amount in (7, -7):
            await balance_of(stream, ids[0], await database.fetchval(CHANGE, login, amount))


@transports
async def test_balances_come_now_and_then_with_each_change(graph, database, transport):
    number = await database.fetchval("SELECT client_number FROM brokergraph_erp.currency_balance LIMIT 1")
    async with transport.open(graph.url, BALANCES, {"numbers": [number]}) as stream:
        first = (await stream.next())["data"]["clientBalancesChanged"]

    assert first["client"]["clientNumber"] == number
    assert first["changed"] == sorted(one["currency"] for one in first["client"]["balances"])


async def test_viewers_share_the_vendor_calls_which_stop_with_the_last(graph, box, accounts):
    ids, _ = accounts

    async def calls_of(viewers):
        async with AsyncExitStack() as stack:
            for _ in range(viewers):
                stream = await stack.enter_async_context(SocketStream.open(graph.url, ACCOUNTS, {"ids": ids}))
                for _ in ids:
                    await figures(stream)
            before = upstream_calls(graph)
            await asyncio.sleep(3)
            return upstream_calls(graph) - before

    one, many = await calls_of(1), await calls_of(10)
    await asyncio.sleep(1.5)
    before = upstream_calls(graph)
    await asyncio.sleep(1.5)

    assert one > 0
    assert many <= one + 4
    assert upstream_calls(graph) == before


def upstream_calls(graph):
    """The vendor's calls in the log."""
    return graph.written().count('"request_id":"poll R1"')


@transports
async def test_a_stream_of_what_the_caller_may_not_see_does_not_begin(graph, database, transport):
    row = (await database.fetch(SOME, 2))[0]
    by = {"account": {"server": row["server"], "login": row["login"]}}
    identity = graph.data("query ($by: TradingAccountBy!) { tradingAccount(by: $by) { id } }", {"by": by})
    for query, variables in (
        (ACCOUNTS, {"ids": [identity["tradingAccount"]["id"]]}),
        (BALANCES, {"numbers": [row["client_number"]]}),
    ):
        async with transport.open(graph.url, query, variables, key="demo-partner") as stream:
            body = await stream.next()
        assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "query, variables",
    [
        (ACCOUNTS, {"ids": []}),
        (ACCOUNTS, {"ids": ["nonsense"]}),
        (ACCOUNTS.replace("everySeconds: 1", "everySeconds: 0"), {"ids": ["x"]}),
        (BALANCES, {"numbers": []}),
        (BALANCES, {"numbers": [-1]}),
        (BALANCES, {"numbers": list(range(501))}),
    ],
)
async def test_bad_arguments_are_refused(graph, query, variables):
    async with SocketStream.open(graph.url, query, variables) as stream:
        body = await stream.next()

    assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_figures_need_the_scope_for_balances(graph, accounts):
    async with SocketStream.open(graph.url, ACCOUNTS, {"ids": accounts[0]}, key="demo-reader") as stream:
        body = await stream.next()

    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_several_processes_share_the_vendor_calls(graph, box, accounts, database):
    ids, rows = accounts
    with running_graph(box) as other:

        async def calls():
            before = upstream_calls(graph) + upstream_calls(other)
            await asyncio.sleep(5)
            return upstream_calls(graph) + upstream_calls(other) - before

        async with SocketStream.open(graph.url, ACCOUNTS, {"ids": ids}) as one:
            first = [await figures(one) for _ in ids]
            alone = await calls()
            async with SocketStream.open(other.url, ACCOUNTS, {"ids": ids}) as two:
                assert {(await figures(two))["id"] for _ in ids} == {one["id"] for one in first}
                together = await calls()
                for amount in (9, -9):
                    expected = await database.fetchval(CHANGE, int(rows[0]["login"]), amount)
                    await asyncio.gather(*(balance_of(stream, ids[0], expected) for stream in (one, two)))

    # Each of two processes alone would make as many.
    assert 0 < together <= 1.5 * alone


async def test_a_client_that_moves_to_another_agency_leaves_the_stream(graph, accounts, database):
    ids, rows = accounts
    move = "UPDATE hyper.clients SET agency = $2 WHERE client_number = $1"
    number, login = rows[0]["client_number"], int(rows[0]["login"])
    async with SocketStream.open(graph.url, ACCOUNTS, {"ids": ids[:1]}, key="demo-partner") as stream:
        await figures(stream)
        await database.execute(move, number, 2)
        try:
            await database.execute(CHANGE, login, 11)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):
                    await figures(stream)
        finally:
            await database.execute(move, number, 1)
            # The account may be seen again, and the next change comes.
            expected = await database.fetchval(CHANGE, login, -11)
        await balance_of(stream, ids[0], expected)
