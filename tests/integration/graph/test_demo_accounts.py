"""Demo accounts (M10): the graph names them, and takes deposits to them only where the settings allow it."""

from contextlib import asynccontextmanager

import pytest
from support.graphs import running_graph
from support.mutations import deposit

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

LOGIN = "61436"
QUERY = """query ($login: String!) {
    tradingAccount(by: {account: {server: "R1", login: $login}}) { group demo client { tradingAccounts { nodes {
        login demo } } } } }"""
PAGE = "query ($number: Int!) { client(by: {clientNumber: $number}) { tradingAccounts { nodes { login demo } } } }"


@pytest.fixture(autouse=True)
def no_pass(well_behaved):
    """A pass of the synchroniser would restore the ERP's copy of the group. The reset after the test ends the pause."""
    well_behaved.tell("box", "/synchroniser/pause")


@asynccontextmanager
async def in_group(database, group):
    """The account in another group of the ERP's copy."""
    update = "UPDATE hyper.tpm_account_status SET group_name = $1 WHERE data_source = 'R1' AND account_login = $2"
    before = await database.fetchval(
        "SELECT group_name FROM hyper.tpm_account_status WHERE data_source = 'R1' AND account_login = $1", LOGIN
    )
    await database.execute(update, group, LOGIN)
    try:
        yield
    finally:
        await database.execute(update, before, LOGIN)


async def shown(graph, database):
    """`demo` of the account, alone and in a list of its client, which PostgreSQL renders."""
    query = "SELECT client_number FROM brokergraph_erp.trading_account WHERE server = 'R1' AND login = $1"
    number = await database.fetchval(query, LOGIN)
    alone = graph.data(QUERY, {"login": LOGIN})["tradingAccount"]["demo"]
    nodes = graph.data(PAGE, {"number": number})["client"]["tradingAccounts"]["nodes"]
    listed = next(node["demo"] for node in nodes if node["login"] == LOGIN)
    assert listed is alone
    return alone


@pytest.mark.parametrize(
    "group, demo", [("demo\\forex", True), ("demoforex", True), ("real\\forex", None), ("", None), (None, None)]
)
async def test_m10_usual_names_of_demo_groups_are_recognised_without_settings(graph, database, group, demo):
    async with in_group(database, group):
        assert await shown(graph, database) is demo


async def test_m10_a_deposit_to_a_demo_account_is_refused(graph, database, well_behaved):
    async with in_group(database, "demo\\forex"):
        payload = deposit(graph, "R1", LOGIN, "1.00", "USD")

    assert (payload["__typename"], payload["code"], payload["retry"]) == (
        "Refused",
        "DEMO_CONNECTION_NOT_ALLOWED",
        "NEVER",
    )
    assert well_behaved.calls("cplugin")["total"] == 0


async def test_m10_settings_name_the_demo_groups_and_allow_deposits_to_them(box, database):
    settings = {"SERVERS__R1__DEMO_GROUPS": '["contest_%*", "x"]', "DEPOSITS__ALLOW_DEMO": "true"}
    with running_graph(box, SERVER__HOT_AFTER="0", RECONCILIATION__ENABLED="false", **settings) as graph:
        for group, demo in (("contest_%1", True), ("contestX1", False), ("demo\\forex", False), (None, None)):
            async with in_group(database, group):
                assert await shown(graph, database) is demo
        async with in_group(database, "x"):
            assert deposit(graph, "R1", LOGIN, "1.00", "USD")["__typename"] == "DepositConfirmed"
