"""Withdrawals: booked once, never more than the account has, approved by a second principal."""

import base64
from decimal import Decimal

import anyio
import pytest
from support.graphs import running_graph
from support.mutations import STATUSES, decide, deposit, new_key, statuses, withdraw

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

ACCOUNT = """
    SELECT a.login, a.currency, a.balance, a.credit, a.floating, a.margin FROM platform.account a
    JOIN brokergraph_erp.client c USING (client_number)
    JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
    WHERE a.server = $1 AND a.client_number > 600000 AND c.identity_locked AND c.erp_status IN (4, 5)
          AND a.enabled AND NOT a.read_only AND a.currency = 'USD'
    ORDER BY a.login DESC LIMIT 1 OFFSET 7
"""
FIGURES = (
    "UPDATE platform.account SET balance = $3, credit = $4, floating = $5, margin = $6 WHERE server = $1 AND login = $2"
)
DEALS = "SELECT amount, comment, ticket FROM platform.deal WHERE server = $1 AND login = $2 ORDER BY at, ticket"


def outcome(payload):
    return payload["__typename"], payload.get("code")


class Account:
    """An account on a server. A test sets its figures."""

    def __init__(self, database, server, login):
        self.database, self.server, self.login = database, server, login

    async def has(self, balance, credit=0, floating=0, margin=0):
        figures = (Decimal(str(one)) for one in (balance, credit, floating, margin))
        await self.database.execute(FIGURES, self.server, int(self.login), *figures)

    async def deals(self):
        return await self.database.fetch(DEALS, self.server, int(self.login))

    async def balance(self):
        query = "SELECT balance FROM platform.account WHERE server = $1 AND login = $2"
        return await self.database.fetchval(query, self.server, int(self.login))


@pytest.fixture
async def account(database):
    async def find(server):
        row = await database.fetchrow(ACCOUNT, server)
        return Account(database, server, str(row["login"]))

    return find


@pytest.fixture(scope="module")
def careful(box):
    """A graph in which a withdrawal above 100 USD needs an approval."""
    with running_graph(box, WITHDRAWALS__APPROVAL_ABOVE='{ USD = "100" }', BUDGET__STORE="off") as running:
        yield running


@pytest.mark.parametrize("server, gives_ticket", [("R1", True), ("R3", True), ("A1", False), ("M1", True)])
async def test_a_withdrawal_is_booked_once_and_its_replay_says_the_same(graph, account, server, gives_ticket):
    one = await account(server)
    await one.has(100)
    before, key = await one.deals(), new_key()

    payload = withdraw(graph, server, one.login, "12.34", key=key, note="for the client")
    replay = withdraw(graph, server, one.login, "12.340", key=key, note="for the client")

    [deal] = (await one.deals())[len(before) :]
    assert payload["__typename"] == "WithdrawalConfirmed"
    assert replay == payload
    assert statuses(payload) == STATUSES
    assert payload["instruction"]["kind"] == "WITHDRAWAL"
    assert payload["instruction"]["amount"] == {"amount": "12.34", "currency": "USD"}
    assert payload["instruction"]["upstreamReference"] == (str(deal["ticket"]) if gives_ticket else None)
    assert deal["amount"] == Decimal("-12.34")
    assert await one.balance() == Decimal("87.66")


@pytest.mark.parametrize(
    "figures, most",
    [
        ({"balance": 50}, "50"),
        ({"balance": 50, "credit": 200}, "50"),
        ({"balance": 100, "floating": 80, "margin": 10}, "100"),
        ({"balance": 100, "floating": -30, "margin": 10}, "60"),
        ({"balance": 100, "credit": 25, "floating": -30, "margin": 10}, "60"),
        ({"balance": 100, "floating": -200, "margin": 10}, "0"),
        ({"balance": -5}, "0"),
    ],
    ids=str,
)
@pytest.mark.parametrize("server", ["R1", "R3", "M1"])
async def test_no_more_is_withdrawn_than_balance_and_free_margin_without_credit(graph, account, server, figures, most):
    one = await account(server)
    await one.has(**figures)
    before = await one.deals()

    refused = withdraw(graph, server, one.login, str(Decimal(most) + Decimal("0.01")))

    assert outcome(refused) == ("Refused", "INSUFFICIENT_FUNDS")
    assert refused["retry"] == "NEVER"
    assert f"At most {most}" in refused["message"]
    assert await one.deals() == before
    if Decimal(most) > 0:
        assert withdraw(graph, server, one.login, most)["__typename"] == "WithdrawalConfirmed"


@pytest.mark.parametrize("server", ["A1", "M1"])
async def test_these_vendors_themselves_refuse_what_the_account_lacks(graph, account, server):
    one = await account(server)
    await one.has(50, credit=1000)
    before = await one.deals()

    refused = withdraw(graph, server, one.login, "50.01")

    assert outcome(refused) == ("Refused", "INSUFFICIENT_FUNDS")
    assert await one.deals() == before


@pytest.mark.parametrize("server", ["R2", "L1", "L2"])
async def test_a_server_without_documented_withdrawals_refuses(graph, database, server):
    row = await database.fetchrow("SELECT login, currency FROM platform.account WHERE server = $1 LIMIT 1", server)

    refused = withdraw(graph, server, str(row["login"]), "1", row["currency"])

    assert refused["__typename"] == "Refused"
    assert refused["code"] in {"NOT_SUPPORTED", "NOT_FOUND"}


async def test_bad_amounts_and_missing_scopes_are_refused_as_for_deposits(graph, account):
    one = await account("R1")
    await one.has(1000)
    before = await one.deals()

    for amount, rule in (("0", "positive"), ("-1", "positive"), ("0.001", "quantum")):
        [issue] = withdraw(graph, "R1", one.login, amount)["issues"]
        assert (issue["path"], issue["rule"]) == (["amount"], rule)
    [issue] = withdraw(graph, "R1", one.login, "1", "EUR")["issues"]
    assert issue["rule"] == "account-currency"
    body = graph.ask(
        f"""mutation {{ withdraw(input: {{account: {{account: {{server: "R1", login: "{one.login}"}}}}, amount: "1",
            currency: USD, idempotencyKey: "{new_key()}"}}) {{ __typename }} }}""",
        key="demo-partner",
    )
    assert body["errors"][0]["extensions"] == {"code": "FORBIDDEN", "requiredScopes": ["withdrawal:create"]}
    assert await one.deals() == before


async def test_a_key_of_a_deposit_is_another_command(graph, account):
    one, key = await account("R1"), new_key()
    await one.has(1000)
    deposit(graph, "R1", one.login, "5", key=key)

    assert withdraw(graph, "R1", one.login, "5", key=key)["__typename"] == "IdempotencyConflict"


async def waiting(careful, one, amount="150", **more):
    """The node id of a withdrawal that waits for an approval."""
    await one.has(1000)
    payload = withdraw(careful, one.server, one.login, amount, **more)
    assert payload["__typename"] == "InstructionPending"
    assert payload["instruction"]["status"] == "NEEDS_APPROVAL"
    return payload["instruction"]["id"]


async def test_a_large_withdrawal_is_sent_only_after_another_principal_approved_it(careful, account):
    one, key = await account("R1"), new_key()
    before = await one.deals()
    identity = await waiting(careful, one, key=key)

    own = decide(careful, "approveInstruction", identity, "demo-operator")
    replay = withdraw(careful, "R1", one.login, "150", key=key)
    assert await one.deals() == before

    decided = decide(careful, "approveInstruction", identity, reason="seen the passport")
    again = decide(careful, "approveInstruction", identity)
    other = decide(careful, "declineInstruction", identity)

    assert outcome(own) == ("Refused", "OWN_APPROVAL")
    assert replay["instruction"]["status"] == "NEEDS_APPROVAL"
    assert decided["__typename"] == again["__typename"] == "InstructionDecided"
    assert statuses(decided) == ["NEEDS_APPROVAL", "RECEIVED", "SENT", "CONFIRMED"]
    [approval] = [event for event in decided["instruction"]["events"] if event["status"] == "RECEIVED"]
    assert (approval["actor"], approval["note"]) == ("demo-approver", "seen the passport")
    assert outcome(other) == ("Refused", "NOT_WAITING")
    assert [deal["amount"] for deal in (await one.deals())[len(before) :]] == [Decimal(-150)]


async def test_a_declined_withdrawal_is_never_sent_and_its_replay_says_so(careful, account):
    one, key = await account("R1"), new_key()
    before = await one.deals()
    identity = await waiting(careful, one, key=key)

    declined = decide(careful, "declineInstruction", identity, reason="not the client's bank")
    again = decide(careful, "declineInstruction", identity)
    late = decide(careful, "approveInstruction", identity)
    replay = withdraw(careful, "R1", one.login, "150", key=key)

    assert declined["__typename"] == again["__typename"] == "InstructionDecided"
    assert declined["instruction"]["status"] == "REJECTED"
    assert outcome(late) == ("Refused", "NOT_WAITING")
    assert outcome(replay) == ("Refused", "DECLINED")
    assert replay["retry"] == "NEVER"
    assert await one.deals() == before


async def test_the_margin_is_read_again_after_the_approval(careful, account):
    one = await account("R1")
    before = await one.deals()
    identity = await waiting(careful, one)
    await one.has(100)

    decided = decide(careful, "approveInstruction", identity)
    again = decide(careful, "approveInstruction", identity)

    assert outcome(decided) == ("Refused", "INSUFFICIENT_FUNDS")
    # This approver may not read balances.
    assert decided["message"] == again["message"] == "The account has not enough money."
    assert await one.deals() == before


async def test_a_withdrawal_of_an_account_that_got_another_client_is_declined(careful, account, database):
    one, key = await account("R1"), new_key()
    before = await one.deals()
    identity = await waiting(careful, one, key=key)
    owner = """UPDATE hyper.tpm_account_status SET client_number = $2
               WHERE data_source = 'R1' AND account_login = $1"""
    old = await database.fetchval(
        "SELECT client_number FROM brokergraph_erp.trading_account WHERE server = 'R1' AND login = $1", one.login
    )
    another = """SELECT client_number FROM brokergraph_erp.client
                 WHERE identity_locked AND erp_status IN (4, 5) AND client_number <> $1 LIMIT 1"""
    await database.execute(owner, one.login, await database.fetchval(another, old))
    try:
        decided = decide(careful, "approveInstruction", identity)
    finally:
        await database.execute(owner, one.login, old)
    again = decide(careful, "approveInstruction", identity)
    replay = withdraw(careful, "R1", one.login, "150", key=key)

    assert outcome(decided) == outcome(replay) == ("Refused", "DECLINED")
    assert decided["message"] == "The account has another client than when the withdrawal was ordered."
    assert outcome(again) == ("Refused", "NOT_WAITING")
    assert await one.deals() == before


async def test_the_margin_is_read_before_a_withdrawal_waits(careful, account):
    one = await account("R1")
    await one.has(149)

    refused = withdraw(careful, "R1", one.login, "150")

    assert outcome(refused) == ("Refused", "INSUFFICIENT_FUNDS")


async def test_an_account_has_one_open_withdrawal(careful, account):
    one = await account("R1")
    identity = await waiting(careful, one)

    second = withdraw(careful, "R1", one.login, "1")
    decide(careful, "declineInstruction", identity)
    third = withdraw(careful, "R1", one.login, "1")

    assert outcome(second) == ("Refused", "REQUEST_ALREADY_PENDING")
    assert third["__typename"] == "WithdrawalConfirmed"


def test_a_decision_names_its_mistakes(careful):
    for identity, more, path in (("x", {"reason": "x" * 1001}, "reason"), ("nonsense", {}, "id")):
        [issue] = decide(careful, "approveInstruction", identity, **more)["issues"]
        assert issue["path"] == [path]
    unknown = base64.b64encode(b"Instruction:018f0000-0000-7000-8000-000000000000").decode().rstrip("=")
    refused = decide(careful, "declineInstruction", unknown)
    assert outcome(refused) == ("Refused", "NOT_FOUND")


async def test_an_approval_comes_too_late(box, account):
    one = await account("R1")
    settings = {"WITHDRAWALS__APPROVAL_ABOVE": '{ USD = "100" }', "WITHDRAWALS__APPROVAL_EXPIRES_HOURS": "0.0001"}
    with running_graph(box, **settings, RECONCILIATION__ENABLED="false") as hasty:
        identity = await waiting(hasty, one)
        before = await one.deals()
        await anyio.sleep(0.5)
        late = decide(hasty, "approveInstruction", identity)
        again = decide(hasty, "declineInstruction", identity)

        read = hasty.data(
            "query ($id: ID!) { node(id: $id) { ... on Instruction { events { actor } } } }", {"id": identity}
        )["node"]

    assert [outcome(one) for one in (late, again)] == [("Refused", "APPROVAL_EXPIRED")] * 2
    assert [event["actor"] for event in read["events"]] == ["demo-operator", "approvals"]
    assert await one.deals() == before
