"""A deposit in doubt is decided by its history although other rows of the history are damaged (M5, M6)."""

import asyncio
import itertools

import pytest
from support.graphs import running_graph
from support.mutations import deposit, new_key

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

QUICK = {
    "RECONCILIATION__POLL_INTERVAL_SECONDS": "0.2",
    "RECONCILIATION__FIRST_PAUSE_SECONDS": "0.2",
    "RECONCILIATION__LONGEST_PAUSE_SECONDS": "0.5",
    "RECONCILIATION__PROCESS_SECONDS": "61",
    "SERVER__REQUEST_DEADLINE_SECONDS": "1.5",
}
HISTORY = "TradesUserHistory"
_numbers = itertools.count(100)


@pytest.fixture
def whole():
    """The whole part of an amount that no other test pays."""
    return next(_numbers)


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box, **QUICK) as running:
        yield running


@pytest.fixture
async def login(database):
    """An active USD account on R3."""
    return str(
        await database.fetchval(
            """SELECT a.login FROM platform.account a JOIN brokergraph_erp.client c USING (client_number)
               JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
               WHERE a.server = 'R3' AND a.currency = 'USD' AND c.identity_locked AND c.erp_status IN (4, 5)
                     AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 1"""
        )
    )


@pytest.fixture
async def foreign(graph, database, login):
    """The reference of another operation on the account."""
    key = new_key()
    assert deposit(graph, "R3", login, "7.77", "USD", key)["__typename"] == "DepositConfirmed"
    return await database.fetchval("SELECT reference FROM brokergraph.instruction WHERE idempotency_key = $1", key)


def in_doubt(graph, box, login, whole):
    """The key of a deposit that was booked with a lost answer."""
    lost = {"fault": "drop_after", "path": "(?<!/v2)/MT4/.*TradeTransaction", "times": 1}
    box.tell("cplugin", "/misbehave", lost)
    key = new_key()
    assert deposit(graph, "R3", login, f"{whole}.10", "USD", key)["__typename"] == "InstructionPending"
    return key


def profit_rewritten(box, whole, profit):
    """Our deposit has another profit in the history."""
    find = f'"profit": ?"?{whole}\\.10?"?'
    fault = {"fault": "rewrite", "find": find, "text": f'"profit":{profit}', "path": HISTORY}
    box.tell("cplugin", "/misbehave", fault)


async def outcome(database, key, *, seconds=20.0):
    """The status after it was looked for."""
    query = "SELECT status, settle_attempts FROM brokergraph.instruction WHERE idempotency_key = $1"
    for _ in range(int(seconds / 0.05)):
        status, attempts = await database.fetchrow(query, key)
        if status not in {"SENT", "UNKNOWN"} or attempts > 1:
            return status
        await asyncio.sleep(0.05)
    raise AssertionError(f"{status} after {attempts} attempts")


DAMAGE = {
    "half a character": ('"comment":"half ', "e022"),
    "a control character": ('"comment":"x\x01y"', ""),
    "a new line": ('"comment":"x\ny"', ""),
    "a lone surrogate": ('"comment":"\\ud83d"', ""),
    "quotes": ('"comment":"say "hi" now"', ""),
    "a profit of NaN": ('"comment":"x","profit":NaN', ""),
    "a profit of MSVC": ('"comment":"x","profit":-1.#IND', ""),
}


@pytest.mark.parametrize("text,octets", DAMAGE.values(), ids=DAMAGE.keys())
async def test_m5_a_damaged_foreign_trade_does_not_hide_ours(
    graph, well_behaved, database, login, foreign, whole, text, octets
):
    find = f'"comment": ?"{foreign}"'
    fault = {"fault": "rewrite", "find": find, "text": text, "octets": octets, "path": HISTORY}
    well_behaved.tell("cplugin", "/misbehave", fault)

    key = in_doubt(graph, well_behaved, login, whole)

    assert await outcome(database, key) == "CONFIRMED"


async def test_m5_a_damaged_trade_of_ours_is_neither_booked_nor_absent(graph, well_behaved, database, login, whole):
    profit_rewritten(well_behaved, whole, "NaN")

    key = in_doubt(graph, well_behaved, login, whole)

    assert await outcome(database, key) == "UNKNOWN"


@pytest.mark.parametrize("double", ["{}.09999999999999", "{}.10000000000001", "{}.1000", '"{}.10"'])
async def test_m6_a_double_near_our_amount_is_ours(graph, well_behaved, database, login, whole, double):
    profit_rewritten(well_behaved, whole, double.format(whole))

    key = in_doubt(graph, well_behaved, login, whole)

    assert await outcome(database, key) == "CONFIRMED"


@pytest.mark.parametrize("double", ["{}.11", "{}.09", "-{}.10", "{}.094"])
async def test_m6_another_amount_is_not_ours(graph, well_behaved, database, login, whole, double):
    profit_rewritten(well_behaved, whole, double.format(whole))

    key = in_doubt(graph, well_behaved, login, whole)

    assert await outcome(database, key) == "UNKNOWN"
