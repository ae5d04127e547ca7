"""What a mutation reports when our own database fails: never more, and never less, than is known (M1, M1b, M3, M8)."""

import asyncio
import json
import uuid
from contextlib import asynccontextmanager

import pytest
from support.graphs import running_graph
from support.mutations import DEPOSIT, deposit, new_key, statuses

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

TRANSIENT = ["40001", "40P01", "55P03"]
REFUSED = ["25006", "42501"]
OTHERS = ["XX000", "26000", "53100", "57014"]
EVERY = TRANSIENT + REFUSED + OTHERS

# Raises in the database itself. nextval() survives the rollback, so that it counts the attempts.
FAULT = """
CREATE SEQUENCE public.{name};
CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.idempotency_key = '{key}' AND NEW.status = '{status}' AND nextval('public.{name}') <= {times} THEN
        RAISE EXCEPTION 'raised on purpose' USING ERRCODE = '{code}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON brokergraph.instruction FOR EACH ROW
    WHEN (NEW.status = '{status}') EXECUTE FUNCTION public.{name}();
"""


@asynccontextmanager
async def raising(database, code, *, status, key, times=1):
    """PostgreSQL refuses the first `times` writes of this status to the instruction with this key."""
    name = f"fault_{uuid.uuid4().hex}"
    await database.execute(FAULT.format(name=name, code=code, status=status, key=key, times=times))
    try:
        yield
    finally:
        await database.execute(f"DROP FUNCTION public.{name}() CASCADE; DROP SEQUENCE public.{name}")


@pytest.fixture(scope="module")
def graph(box):
    """One without a reconciler, so that whatever moves a row is the process that received it."""
    settings = {"SERVER__REQUEST_DEADLINE_SECONDS": "1.5", "RECONCILIATION__ENABLED": "false"}
    with running_graph(box, **settings) as running:
        yield running


@pytest.fixture
async def account(database):
    """An active USD account on R3: (server, login)."""
    row = await database.fetchrow(
        """SELECT a.login FROM platform.account a JOIN brokergraph_erp.client c USING (client_number)
           JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
           WHERE a.server = 'R3' AND a.currency = 'USD' AND c.identity_locked AND c.erp_status IN (4, 5)
                 AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 1"""
    )
    return "R3", str(row["login"])


async def status_of(database, key):
    return await database.fetchval("SELECT status FROM brokergraph.instruction WHERE idempotency_key = $1", key)


async def booked(database, key):
    """How often the vendor has booked the instruction with this key."""
    return await database.fetchval(
        """SELECT count(*) FROM platform.deal d JOIN brokergraph.instruction i ON d.comment = i.reference
           WHERE i.idempotency_key = $1""",
        key,
    )


async def eventually(database, key, status):
    """The living process stores it by itself: these graphs have no reconciler."""
    for _ in range(600):
        if await status_of(database, key) == status:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{await status_of(database, key)} instead of {status}")


@pytest.mark.parametrize("code", EVERY)
async def test_m1_a_booked_deposit_is_confirmed_although_the_first_write_of_it_fails(graph, database, account, code):
    key = new_key()

    async with raising(database, code, status="CONFIRMED", key=key):
        payload = deposit(graph, *account, "1.01", "USD", key)

    assert payload["__typename"] == "DepositConfirmed"
    assert await status_of(database, key) == "CONFIRMED"
    assert await booked(database, key) == 1


@pytest.mark.parametrize("code", ["40001", "25006", "XX000"])
async def test_m1_a_lost_answer_is_pending_although_the_first_write_of_it_fails(
    graph, well_behaved, database, account, code
):
    key = new_key()
    well_behaved.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": "TradeTransaction", "times": 1})

    async with raising(database, code, status="UNKNOWN", key=key):
        payload = deposit(graph, *account, "1.01", "USD", key)

    assert payload["__typename"] == "InstructionPending"
    assert payload["instruction"]["status"] == "UNKNOWN"
    assert await booked(database, key) == 1


@pytest.mark.parametrize("code", ["40001", "25006", "XX000"])
async def test_m1_a_refusal_of_the_vendor_is_reported_although_the_first_write_of_it_fails(
    graph, well_behaved, database, account, code
):
    key = new_key()
    refusal = {"fault": "business_error", "code": "TradeNoMoney", "path": "TradeTransaction", "times": 1}
    well_behaved.tell("cplugin", "/misbehave", refusal)

    async with raising(database, code, status="REJECTED", key=key):
        payload = deposit(graph, *account, "1.01", "USD", key)

    assert (payload["__typename"], payload["code"]) == ("Refused", "INSUFFICIENT_FUNDS")
    assert await status_of(database, key) == "REJECTED"
    assert await booked(database, key) == 0


@pytest.mark.parametrize("code", TRANSIENT)
async def test_m1_a_transient_failure_before_the_send_is_repeated(graph, database, account, code):
    for status in ("RECEIVED", "SENT"):
        key = new_key()

        async with raising(database, code, status=status, key=key, times=2):
            payload = deposit(graph, *account, "1.01", "USD", key)

        assert payload["__typename"] == "DepositConfirmed"
        assert await booked(database, key) == 1


@pytest.mark.parametrize("code", TRANSIENT)
async def test_m1_a_failure_that_outlasts_the_deadline_frees_the_key(graph, database, account, code):
    key = new_key()

    async with raising(database, code, status="RECEIVED", key=key, times=10_000):
        payload = deposit(graph, *account, "1.01", "USD", key)

    assert (payload["__typename"], payload["retry"]) == ("UpstreamFailed", "SAME_KEY")
    assert await status_of(database, key) is None


@pytest.mark.parametrize("code", [*REFUSED, "XX000"])
async def test_m1_a_row_that_cannot_be_marked_sent_is_rejected_at_once(graph, database, account, code):
    key = new_key()

    async with raising(database, code, status="SENT", key=key, times=10_000):
        payload = deposit(graph, *account, "1.01", "USD", key)

    assert (payload["__typename"], payload["retry"]) == ("UpstreamFailed", "NEW_KEY")
    assert await status_of(database, key) == "REJECTED"
    assert await booked(database, key) == 0


@pytest.mark.parametrize("code", [*REFUSED, "26000", "40001"])
async def test_m1b_an_outcome_that_cannot_be_stored_is_pending_and_stored_as_soon_as_it_can_be(
    graph, database, account, code
):
    key = new_key()

    async with raising(database, code, status="CONFIRMED", key=key, times=10_000):
        payload = deposit(graph, *account, "1.01", "USD", key)
        assert payload["__typename"] == "InstructionPending"
        assert statuses(payload) == ["RECEIVED", "SENT"]
        assert await booked(database, key) == 1

    await eventually(database, key, "CONFIRMED")


async def test_m1b_while_an_outcome_cannot_be_stored_no_new_row_is_written(graph, database, account):
    key, other = new_key(), new_key()

    async with raising(database, "42501", status="CONFIRMED", key=key, times=10_000):
        deposit(graph, *account, "1.01", "USD", key)
        refused = deposit(graph, *account, "1.01", "USD", other)
        replayed = deposit(graph, *account, "1.01", "USD", key)
        read = graph.data("{ viewer { name } }")

    assert (refused["__typename"], refused["code"], refused["retry"]) == (
        "UpstreamFailed",
        "UPSTREAM_UNAVAILABLE",
        "SAME_KEY",
    )
    assert await status_of(database, other) is None
    assert replayed["__typename"] == "InstructionPending"
    assert read["viewer"]["name"]
    await eventually(database, key, "CONFIRMED")


async def test_m1b_a_read_only_state_database_takes_no_mutations_and_says_so(box, database, account):
    """As after a fail-over to a standby: every new session is read-only."""
    name = await database.fetchval("SELECT current_database()")
    key = new_key()

    with running_graph(box, RECONCILIATION__ENABLED="false", SERVER__READINESS_DETAILS="everyone") as alone:
        await database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        try:
            await database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'brokergraph'"
            )
            payload = deposit(alone, *account, "1.01", "USD", key)
            general = alone.client.get(f"{alone.url}/readyz")
            mutations = alone.client.get(f"{alone.url}/readyz?for=mutations")
            metrics = alone.client.get(f"{alone.url}/metrics", headers={"authorization": "Bearer demo-operator"}).text
            read = alone.data("{ viewer { name } }")
        finally:
            await database.execute("SET default_transaction_read_only = off")
            await database.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            await database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'brokergraph'"
            )
        assert (payload["__typename"], payload["retry"]) == ("UpstreamFailed", "SAME_KEY")
        assert await status_of(database, key) is None
        assert (general.status_code, general.json()["instructions"]) == (200, "unavailable")
        assert (mutations.status_code, mutations.json()["ready"]) == (503, False)
        assert "brokergraph_instructions_writable 0.0" in metrics
        assert read["viewer"]["name"]

        for _ in range(600):
            if alone.client.get(f"{alone.url}/readyz?for=mutations").status_code == 200:
                break
            await asyncio.sleep(0.1)
        assert deposit(alone, *account, "1.01", "USD", key)["__typename"] == "DepositConfirmed"


async def test_readyz_refuses_a_purpose_that_it_does_not_know(graph):
    assert graph.client.get(f"{graph.url}/readyz?for=everything").status_code == 400


async def test_m3_connections_that_postgresql_ends_all_the_time_make_no_false_answer(graph, database, account):
    """`pg_terminate_backend` on the pool's connections, again and again, while deposits are under way."""
    keys = [new_key() for _ in range(30)]

    def ask():
        return [graph.post(DEPOSIT, {"input": deposit_input(*account, key)}) for key in keys]

    asking = asyncio.get_running_loop().run_in_executor(None, ask)
    while not asking.done():
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'brokergraph'"
        )
        await asyncio.sleep(0.02)

    for key, response in zip(keys, await asking, strict=True):
        # The caller may be unknown as well: this is no outcome, and no fault of the server.
        assert response.status_code in (200, 503), response.text
        if response.status_code == 200:
            await assert_true(database, key, response.json()["data"]["deposit"])
    written = graph.written()
    assert "instruction.abandoned" not in written
    assert "INTERNAL_ERROR" not in written


def deposit_input(server, login, key):
    return {
        "account": {"account": {"server": server, "login": login}},
        "amount": "0.01",
        "currency": "USD",
        "idempotencyKey": key,
    }


async def assert_true(database, key, answer):
    """The answer, which was given some time ago, does not contradict the vendor's books."""
    now, deals = await status_of(database, key), await booked(database, key)
    match answer["__typename"]:
        case "DepositConfirmed":
            assert (now, deals) == ("CONFIRMED", 1)
        case "InstructionPending":
            # The row may be written after the answer, and is then REJECTED (instructions/dispatcher.py).
            for _ in range(600):
                if now is not None:
                    break
                await asyncio.sleep(0.1)
                now = await status_of(database, key)
            assert now is not None
        case "UpstreamFailed" if answer["retry"] == "SAME_KEY":
            assert (now, deals) == (None, 0)
        case "UpstreamFailed":
            assert (now, deals) == ("REJECTED", 0)
        case other:
            raise AssertionError(other)


async def test_m8_a_pending_answer_says_the_state_as_it_is(graph, well_behaved, account):
    well_behaved.tell("cplugin", "/misbehave", {"fault": "hang", "path": "TradeTransaction", "times": 1})

    payload = deposit(graph, *account, "1.01", "USD")

    assert payload["__typename"] == "InstructionPending"
    assert payload["instruction"]["status"] == "SENT"
    assert statuses(payload) == ["RECEIVED", "SENT"]


VIEW_FAULT = """
CREATE SEQUENCE public.{name};
CREATE FUNCTION public.{name}() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF nextval('public.{name}') % 2 = 1 THEN RAISE EXCEPTION 'raised on purpose' USING ERRCODE = '{code}'; END IF;
    RETURN true;
END $$;
"""


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_v5_a_view_that_fails_on_odd_reads_is_read_again(graph, database, code):
    """What a hot standby does to a statement that conflicts with replay."""
    name = f"odd_{uuid.uuid4().hex}"
    view = await database.fetchval("SELECT pg_get_viewdef('brokergraph_erp.web_status'::regclass)")
    body, function = view.rstrip().rstrip(";"), f"public.{name}()"
    await database.execute(VIEW_FAULT.format(name=name, code=code))
    try:
        await database.execute(
            f"CREATE OR REPLACE VIEW brokergraph_erp.web_status AS SELECT * FROM ({body}) w WHERE (SELECT {function})"
        )
        body = graph.ask("{ clients(first: 3) { nodes { webStatus { code } } } }")
    finally:
        await database.execute(f"CREATE OR REPLACE VIEW brokergraph_erp.web_status AS {view}")
        await database.execute(f"DROP FUNCTION public.{name}(); DROP SEQUENCE public.{name}")

    assert "errors" not in body, json.dumps(body)


SLOW = """
CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_sleep(3);
    RETURN NEW;
END $$;
CREATE TRIGGER {name} BEFORE INSERT ON brokergraph.instruction FOR EACH ROW
    WHEN (NEW.idempotency_key = '{key}') EXECUTE FUNCTION public.{name}();
"""


async def test_requests_with_one_key_whose_deadline_passes_get_the_id_of_the_one_row(graph, account, database):
    key, name = new_key(), f"slow_{uuid.uuid4().hex}"
    await database.execute(SLOW.format(name=name, key=key))
    try:
        answers = await asyncio.gather(*(asyncio.to_thread(deposit, graph, *account, key=key) for _ in range(3)))
        ids = {answer["instruction"]["id"] for answer in answers}
        await eventually(database, key, "REJECTED")
    finally:
        await database.execute(f"DROP FUNCTION public.{name}() CASCADE")

    assert {answer["__typename"] for answer in answers} == {"InstructionPending"}
    [identity] = ids
    found = graph.data("query ($v: ID!) { instruction(by: { id: $v }) { idempotencyKey } }", {"v": identity})
    assert found == {"instruction": {"idempotencyKey": key}}
