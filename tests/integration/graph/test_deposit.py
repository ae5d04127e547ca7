import json
import threading
import time
import uuid

import httpx
import pytest
from support.graphs import Graph, running_graph
from support.mutations import DEPOSIT, STATUSES, deposit, new_key, statuses
from support.proxy import dying_database

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


@pytest.fixture
async def account(database):
    """An active USD account on a server, of a client who may act: (server) -> login."""

    async def find(server):
        row = await database.fetchrow(
            """SELECT a.login, a.currency FROM platform.account a JOIN brokergraph_erp.client c USING (client_number)
               JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
               WHERE a.server = $1 AND a.client_number > 600000 AND c.identity_locked AND c.erp_status IN (4, 5)
                     AND a.enabled AND NOT a.read_only
               ORDER BY a.login LIMIT 1""",
            server,
        )
        return str(row["login"]), row["currency"]

    return find


async def booked(database, server, login):
    query = "SELECT ticket, amount, comment FROM platform.deal WHERE server = $1 AND login = $2 ORDER BY at"
    return await database.fetch(query, server, int(login))


@pytest.mark.parametrize("server, gives_ticket", [("R1", True), ("R3", True), ("A1", False)])
async def test_a_deposit_is_booked_once_and_carries_the_servers_ticket(graph, database, account, server, gives_ticket):
    login, currency = await account(server)
    before = await booked(database, server, login)

    payload = deposit(graph, server, login, "12.34", currency)

    after = await booked(database, server, login)
    assert payload["__typename"] == "DepositConfirmed"
    assert statuses(payload) == STATUSES
    assert len(after) == len(before) + 1
    assert str(after[-1]["amount"]) == "12.34000000"
    assert len(after[-1]["comment"]) <= 31
    assert payload["instruction"]["upstreamReference"] == (str(after[-1]["ticket"]) if gives_ticket else None)
    assert payload["instruction"]["amount"] == {"amount": "12.34", "currency": currency}


def with_number_as_key(graph, login, currency, key, amount):
    """The answer to a deposit on R1; the key is a JSON number with this text, which json.dumps would change."""
    asked = f"""{{"account": {{"account": {{"server": "R1", "login": "{login}"}}}}, "amount": "{amount}",
                 "currency": "{currency}", "idempotencyKey": {key}}}"""
    body = f'{{"query": {json.dumps(DEPOSIT)}, "variables": {{"input": {asked}}}}}'
    headers = {"content-type": "application/json", "authorization": "Bearer demo-operator"}
    return graph.client.post(f"{graph.url}/graphql", content=body, headers=headers)


async def test_m2_keys_that_are_numbers_with_a_fraction_or_an_exponent_are_refused(graph, database, account):
    login, currency = await account("R1")
    before = await booked(database, "R1", login)

    for key in ("303456789012345678.0", "303456789012345671.0", "1e3", "1E400"):
        answer = with_number_as_key(graph, login, currency, key, "1.01")

        [error] = answer.json()["errors"]
        assert answer.status_code == 400
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert error["locations"]
        assert "$input' has invalid value at .idempotencyKey: An ID is a string, or an integer" in error["message"]
    assert await booked(database, "R1", login) == before


async def test_m2_keys_that_are_integers_are_their_digits_however_many(graph, database, account):
    login, currency = await account("R1")
    before = await booked(database, "R1", login)
    stem = f"{uuid.uuid4().int}{uuid.uuid4().int}"

    payloads = [
        with_number_as_key(graph, login, currency, stem + last, "1.02").json()["data"]["deposit"]
        for last in ("1", "2", "2")
    ]
    again = deposit(graph, "R1", login, "1.02", currency, key=stem + "1")

    assert {payload["__typename"] for payload in payloads} == {"DepositConfirmed"}
    ids = [payload["instruction"]["id"] for payload in payloads]
    assert ids[0] != ids[1] == ids[2]
    assert again["instruction"]["id"] == ids[0]
    assert len(await booked(database, "R1", login)) == len(before) + 2


async def test_m4_unreadable_pages_do_not_close_deposits(box, account):
    login, currency = await account("R1")
    page = "{ client(by: { clientNumber: 500608 }) { tradingAccounts { nodes { live { balance } } } } }"
    broken = {"fault": "rewrite", "find": '"data": ?\\[', "text": '"data":'}
    breakers = {"BREAKER_FAILURES": "5", "BREAKER_OPEN_SECONDS": "600"}
    with running_graph(box, **{f"CPLUGIN__MAIN__LIMITS__{name}": value for name, value in breakers.items()}) as graph:
        box.tell("cplugin", "/misbehave", broken | {"path": "UserRecordsRequest"})
        answers = [graph.ask(page) for _ in range(6)]
        payload = deposit(graph, "R1", login, "1.03", currency)
        box.tell("cplugin", "/reset")
        afterwards = graph.ask(page)

    codes = {error["extensions"]["code"] for answer in answers for error in answer["errors"]}
    assert codes == {"UPSTREAM_MISUNDERSTOOD"}
    assert payload["__typename"] == "DepositConfirmed"
    assert "errors" not in afterwards


async def test_the_same_key_and_meaning_is_the_same_deposit_however_the_number_is_written(graph, database, account):
    login, currency = await account("R1")
    key = new_key()
    first = deposit(graph, "R1", login, "5", currency, key)
    before = await booked(database, "R1", login)

    again = deposit(graph, "R1", login, "5.00", currency, key)

    assert again["instruction"] == first["instruction"]
    assert await booked(database, "R1", login) == before


async def test_the_same_key_for_something_else_is_a_conflict_with_the_original(graph, database, account):
    login, currency = await account("R1")
    key = new_key()
    first = deposit(graph, "R1", login, "5", currency, key)
    before = await booked(database, "R1", login)

    other = deposit(graph, "R1", login, "6", currency, key)

    assert (other["__typename"], other["code"], other["retry"]) == (
        "IdempotencyConflict",
        "IDEMPOTENCY_KEY_REUSED",
        "NEW_KEY",
    )
    assert other["original"] == first["instruction"]
    assert await booked(database, "R1", login) == before


async def test_racing_twins_send_once(graph, database, account):
    login, currency = await account("R1")
    key = new_key()
    before = await booked(database, "R1", login)
    answers = []

    twins = [
        threading.Thread(target=lambda: answers.append(deposit(graph, "R1", login, "1", currency, key)))
        for _ in range(12)
    ]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()

    assert len(await booked(database, "R1", login)) == len(before) + 1
    assert {answer["__typename"] for answer in answers} <= {"DepositConfirmed", "InstructionPending"}
    assert len({answer["instruction"]["id"] for answer in answers}) == 1


REFUSED = [
    ({"amount": "-1"}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"amount": "0"}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"amount": "0.001"}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"currency": "JPY"}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"login": "999999999"}, "Refused", "NOT_FOUND"),
    ({"login": "not-a-login"}, "Refused", "NOT_FOUND"),
    ({"server": "Z9"}, "Refused", "NOT_FOUND"),
    ({"key": "ключ"}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"key": "k" * 256}, "ValidationFailed", "VALIDATION_FAILED"),
    ({"key": "tab\there"}, "ValidationFailed", "VALIDATION_FAILED"),
]


@pytest.mark.parametrize("wrong, member, code", REFUSED)
async def test_a_deposit_that_cannot_be_is_refused_and_leaves_nothing(
    graph, well_behaved, database, account, wrong, member, code
):
    login, currency = await account("R1")
    good = {"server": "R1", "login": login, "amount": "1.00", "currency": currency, "key": new_key()}
    rows = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")
    well_behaved.reset()

    payload = deposit(graph, **(good | wrong))

    assert (payload["__typename"], payload["code"], payload["retry"]) == (member, code, "NEVER")
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == rows
    assert well_behaved.calls("cplugin")["total"] == 0


@pytest.mark.parametrize("server", ["R2", "L1", "L2"])
async def test_a_server_without_a_documented_deposit_refuses_it(graph, account, server):
    login, currency = await account(server)

    payload = deposit(graph, server, login, "1", currency)

    assert (payload["__typename"], payload["code"]) == ("Refused", "NOT_SUPPORTED")


async def test_a_restricted_clients_account_takes_no_deposit(graph, database):
    row = await database.fetchrow(
        """SELECT t.login, t.currency FROM brokergraph_erp.trading_account t JOIN brokergraph_erp.client c
           USING (client_number) WHERE t.server = 'R1' AND NOT c.identity_locked LIMIT 1"""
    )

    payload = deposit(graph, "R1", row["login"], "1", row["currency"])

    assert (payload["__typename"], payload["code"]) == ("Refused", "CLIENT_RESTRICTED")


async def test_the_operators_limits_are_kept(box, database, account):
    login, currency = await account("R1")
    limits = {
        "DEPOSITS__MAXIMUM": f'{{ {currency} = "10" }}',
        "DEPOSITS__DAILY_PER_CALLER": f'{{ {currency} = "100000" }}',
        "DEPOSITS__DAILY_PER_ACCOUNT": f'{{ {currency} = "0.5" }}',
    }
    with running_graph(box, **limits) as limited:
        large = deposit(limited, "R1", login, "10.01", currency)
        often = deposit(limited, "R1", login, "0.51", currency)

    assert (large["code"], large["message"]) == ("LIMIT_EXCEEDED", f"One deposit may be at most 10 {currency}.")
    assert (often["code"], often["message"]) == (
        "LIMIT_EXCEEDED",
        f"This deposit would exceed the account's limit of 0.5 {currency} a day.",
    )


VENDOR_ERRORS = [
    ("NotEnoughRights", "UPSTREAM_REFUSED"),
    ("AccountDisabled", "ACCOUNT_DISABLED"),
    ("TradeNoMoney", "INSUFFICIENT_FUNDS"),
    ("InvalidData", "VALIDATION_FAILED"),
]


@pytest.mark.parametrize("manager_code, code", VENDOR_ERRORS)
async def test_each_refusal_of_the_vendor_comes_out_as_its_code(
    graph, well_behaved, database, account, manager_code, code
):
    login, currency = await account("R1")
    before = await booked(database, "R1", login)
    fault = {"fault": "business_error", "code": manager_code, "path": "TradeTransaction"}
    well_behaved.tell("cplugin", "/misbehave", fault)
    key = new_key()

    payload = deposit(graph, "R1", login, "1", currency, key)
    replayed = deposit(graph, "R1", login, "1", currency, key)

    assert (payload["code"], payload["upstreamCode"]) == (code, manager_code)
    assert replayed == payload
    assert await booked(database, "R1", login) == before


async def test_what_never_left_is_said_so_and_may_be_tried_with_a_new_key(graph, well_behaved, database, account):
    login, currency = await account("R1")
    before = await booked(database, "R1", login)
    well_behaved.tell("cplugin", "/misbehave", {"fault": "refuse"})

    payload = deposit(graph, "R1", login, "1", currency)

    assert (payload["__typename"], payload["code"], payload["retry"], payload["system"]) == (
        "UpstreamFailed",
        "UPSTREAM_UNAVAILABLE",
        "NEW_KEY",
        "CPLUGIN",
    )
    well_behaved.reset()
    assert await booked(database, "R1", login) == before


DOUBTS = [
    {"fault": "drop_after"},
    {"fault": "status", "status": 500, "apply": True},
    {"fault": "nonsense"},
    {"fault": "drop_before"},
]


@pytest.mark.parametrize("fault", DOUBTS, ids=lambda fault: fault["fault"])
@pytest.mark.parametrize("server, vendor", [("R3", "cplugin"), ("A1", "broctagon")])
async def test_a_lost_answer_without_a_key_is_stored_and_shown_as_unknown_and_never_sent_again(
    graph, well_behaved, database, account, server, vendor, fault
):
    login, currency = await account(server)
    path = "deposit" if vendor == "broctagon" else "TradeTransaction"
    well_behaved.tell(vendor, "/misbehave", fault | {"path": path})
    key = new_key()

    payload = deposit(graph, server, login, "1.11", currency, key)
    replayed = deposit(graph, server, login, "1.11", currency, key)

    assert payload["__typename"] == "InstructionPending"
    assert statuses(payload) == ["RECEIVED", "SENT", "UNKNOWN"]
    assert replayed == payload
    sent = [call for call in well_behaved.calls(vendor)["calls"] if path in call["path"]]
    assert len(sent) == 1


async def test_a_lost_answer_is_asked_for_again_with_the_vendors_key(graph, well_behaved, database, account):
    login, currency = await account("R1")
    before = await booked(database, "R1", login)
    well_behaved.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": "TradeTransaction", "times": 1})

    payload = deposit(graph, "R1", login, "1.11", currency)

    sent = [call for call in well_behaved.calls("cplugin")["calls"] if "TradeTransaction" in call["path"]]
    assert payload["__typename"] == "DepositConfirmed"
    assert len({call["headers"]["idempotency-key"] for call in sent}) == 1
    assert len(await booked(database, "R1", login)) == len(before) + 1


async def test_a_slow_vendor_leaves_the_caller_with_a_pending_instruction_that_goes_on(
    graph, well_behaved, database, account
):
    login, currency = await account("R1")
    before = await booked(database, "R1", login)
    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 4, "path": "TradeTransaction"})
    key = new_key()

    payload = deposit(graph, "R1", login, "2.22", currency, key)

    assert payload["__typename"] == "InstructionPending"
    identity = payload["instruction"]["id"]
    query = "query ($id: ID!) { instruction(by: { id: $id }) { status upstreamReference } }"
    status = payload["instruction"]
    while status["status"] not in ("CONFIRMED", "REJECTED"):
        status = graph.data(query, {"id": identity})["instruction"]
    after = await booked(database, "R1", login)
    assert status == {"status": "CONFIRMED", "upstreamReference": str(after[-1]["ticket"])}
    assert len(after) == len(before) + 1


async def test_a_caller_who_hangs_up_does_not_stop_the_deposit(graph, well_behaved, account):
    login, currency = await account("R1")
    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 1, "path": "TradeTransaction"})
    key = new_key()

    with httpx.Client(timeout=httpx.Timeout(10, read=0.7)) as impatient, pytest.raises(httpx.ReadTimeout):
        deposit(Graph(graph.url, graph.process, graph.log, impatient), "R1", login, "3", currency, key)

    query = "query ($key: ID!) { instruction(by: { idempotencyKey: $key }) { status } }"
    status = None
    while status not in ("CONFIRMED", "REJECTED"):
        found = graph.data(query, {"key": key})["instruction"]
        status = found and found["status"]
    assert status == "CONFIRMED"


def sends(box):
    return sum(count for path, count in box.calls("cplugin")["by_path"].items() if "TradeTransaction" in path)


def die_during(box, before, die):
    """The vendor has the deposit, and keeps its answer for a second."""
    while sends(box) == before:
        time.sleep(0.01)
    die()


async def test_a_confirmed_deposit_stays_confirmed_when_the_erp_dies_before_it_is_read(box, account, database):
    """The ERP's database is another than the state's here, so that one can die and the other live."""
    login, currency = await account("R1")
    with (
        dying_database(box.graph_database_url) as (erp_url, die),
        running_graph(box, ERP__DATABASE_URL=erp_url) as graph,
    ):
        graph.data("{ client(by: { clientNumber: 500608 }) { clientNumber } }")
        box.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 1, "path": "TradeTransaction"})
        threading.Thread(target=die_during, args=(box, sends(box), die), daemon=True).start()
        chosen = {
            "account": {"account": {"server": "R1", "login": login}},
            "amount": "4.00",
            "currency": currency,
            "idempotencyKey": new_key(),
        }

        body = graph.ask(DEPOSIT, {"input": chosen})

    payload = body["data"]["deposit"]
    assert payload["__typename"] == "DepositConfirmed"
    assert payload["instruction"]["status"] == "CONFIRMED"
    assert payload["account"] is None
    [error] = body["errors"]
    assert error["path"] == ["deposit", "account"]
    assert error["extensions"]["system"] == "ERP_DATABASE"
