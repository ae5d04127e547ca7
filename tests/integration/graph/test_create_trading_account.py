import pytest
from support.boxes import running_box
from support.graphs import running_graph
from support.mutations import STATUSES, create, new_key, statuses

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


@pytest.fixture
async def client(database):
    """A client who may act and has no account on R1."""
    row = await database.fetchrow(
        """SELECT c.client_number, c.full_name FROM brokergraph_erp.client c
           JOIN brokergraph_erp.api_password p USING (client_number)
           WHERE c.identity_locked AND c.erp_status IN (4, 5) AND c.client_number > 600000
             AND NOT EXISTS (SELECT FROM platform.account a WHERE a.client_number = c.client_number)
             AND NOT EXISTS (SELECT FROM brokergraph.instruction i WHERE i.client_number = c.client_number)
           ORDER BY c.client_number LIMIT 1"""
    )
    return row["client_number"]


async def accounts_of(database, number):
    query = "SELECT server, login FROM platform.account WHERE client_number = $1 ORDER BY server, login"
    return [tuple(row) for row in await database.fetch(query, number)]


def test_the_documents_accounts(tmp_path_factory):
    """The first account that a fresh sandbox makes is 636400 on R1, and 55521 is there with its balance."""
    with running_box(tmp_path_factory.mktemp("fresh"), 0) as fresh, running_graph(fresh) as graph:
        created = create(graph, 500014)
        again = create(graph, 500014)
        existing = create(graph, 500021)

    assert created["__typename"] == "TradingAccountCreated"
    assert (created["server"], created["login"]) == ("R1", "636400")
    assert created["account"] == {"status": "READONLY", "group": "Basic_IL2", "currency": "USD", "balance": "0.00"}
    assert created["initialPassword"] is None
    assert statuses(created) == STATUSES
    assert (again["__typename"], again["server"], again["login"]) == ("TradingAccountAlreadyExists", "R1", "636400")
    assert (existing["__typename"], existing["server"], existing["login"]) == (
        "TradingAccountAlreadyExists",
        "R1",
        "55521",
    )
    assert existing["account"] == {"status": "ACTIVE", "group": "Basic_IL2", "currency": "USD", "balance": "18270.84"}


async def test_a_key_makes_one_account_however_often_it_comes(graph, database, client):
    key = new_key()

    first = create(graph, client, key)
    again = create(graph, client, key)

    assert first["__typename"] == "TradingAccountCreated"
    assert again["__typename"] == "TradingAccountCreated"
    assert again["instruction"] == first["instruction"]
    assert len(await accounts_of(database, client)) == 1


async def test_an_account_on_a_named_server_has_its_password_once(graph, database, client):
    key, server = new_key(), {"server": "R1", "group": "Basic_EU", "leverage": "50"}

    first = create(graph, client, key, server)
    again = create(graph, client, key, server)

    assert first["__typename"] == "TradingAccountCreated"
    assert first["server"] == "R1"
    assert len(first["initialPassword"]) >= 8
    row = await database.fetchrow(
        "SELECT * FROM platform.account WHERE server = 'R1' AND login = $1", int(first["login"])
    )
    assert (row["group_name"], int(row["leverage"]), row["has_password"]) == ("Basic_EU", 50, True)
    assert again["login"] == first["login"]
    assert again["initialPassword"] is None
    stored = await database.fetch("SELECT i::text FROM brokergraph.instruction i")
    assert not any(first["initialPassword"] in row[0] for row in stored)
    assert first["initialPassword"] not in graph.written()


REFUSED = [
    ({"number": 1}, "Refused", "NOT_FOUND"),
    ({"number": -5}, "Refused", "NOT_FOUND"),
    ({"server": {"server": "Z9", "group": "x"}}, "Refused", "NOT_FOUND"),
    ({"server": {"server": "R2", "group": "x"}}, "Refused", "NOT_SUPPORTED"),
    ({"server": {"server": "L1", "group": "x"}}, "Refused", "NOT_SUPPORTED"),
    ({"server": {"server": "A1", "group": "x"}}, "Refused", "NOT_SUPPORTED"),
    ({"server": {"server": "R1", "group": "Nowhere"}}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"server": {"server": "R1", "group": "Basic_EU", "leverage": "0.5"}}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"server": {"server": "R1", "group": "Basic_EU", "leverage": "5001"}}, "ValidationFailed", "VALIDATION_FAILED"),
]


@pytest.mark.parametrize("wrong, member, code", REFUSED)
async def test_an_account_that_cannot_be_is_refused_and_leaves_nothing(
    graph, well_behaved, database, client, wrong, member, code
):
    rows = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    payload = create(graph, **({"number": client} | wrong))

    assert (payload["__typename"], payload["code"]) == (member, code)
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == rows
    assert well_behaved.calls("hyper")["total"] == well_behaved.calls("cplugin")["total"] == 0


HYPER_REFUSALS = [
    (11, "CREDENTIALS_REJECTED", "NEVER"),
    (14, "VALIDATION_FAILED", "NEVER"),
    (10, "UPSTREAM_UNAVAILABLE", "NEW_KEY"),
    (21, "NOT_FOUND", "NEVER"),
]


@pytest.mark.parametrize("number, code, retry", HYPER_REFUSALS)
async def test_each_documented_answer_of_the_erp_comes_out_as_its_code(
    graph, well_behaved, database, client, number, code, retry
):
    well_behaved.tell("hyper", "/misbehave", {"fault": "function_code", "code": number, "path": "Create"})

    payload = create(graph, client)

    assert (payload["code"], payload["retry"], payload["upstreamCode"]) == (code, retry, str(number))
    assert await accounts_of(database, client) == []


@pytest.mark.parametrize("number", [4, 5])
async def test_an_erp_that_cannot_tell_leaves_the_instruction_unknown(graph, well_behaved, client, number):
    well_behaved.tell("hyper", "/misbehave", {"fault": "function_code", "code": number, "path": "Create"})

    payload = create(graph, client)

    assert payload["__typename"] == "InstructionPending"
    assert statuses(payload) == ["RECEIVED", "SENT", "UNKNOWN"]


async def test_a_lost_answer_to_a_new_login_makes_no_second_one(graph, well_behaved, database, client):
    well_behaved.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": "UserRecordNew", "times": 1})
    key, server = new_key(), {"server": "R1", "group": "Basic_EU"}

    first = create(graph, client, key, server)
    again = create(graph, client, key, server)

    assert first["__typename"] == "TradingAccountCreated"
    assert again["login"] == first["login"]
    assert len(await accounts_of(database, client)) == 1
