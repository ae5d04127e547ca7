"""Equal questions of the same moment share a call and nothing else: no cancellation, no visibility, no old figure."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace
from support.vendor_calls import SHORT, a_call, changed, settings

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.errors import Rejected, System, Unavailable
from core.lifetime import Lifetime, Slot
from core.records import AccountKey, LiveAccountRecord
from core.secret import Secret
from core.visibility import EVERYTHING, Visibility
from upstreams.erp.reader import Erp
from upstreams.flow.coalescing import Coalescing, Sharing
from upstreams.open import Upstreams, open_upstreams
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = pytest.mark.anyio

PATIENT = msgspec.structs.replace(SHORT, read_timeout_seconds=30.0, total_timeout_seconds=30.0)
NOTHING_EXTRA = frozenset({"leverage"})
WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


@dataclass(frozen=True)
class Vendor:
    server: str
    name: str
    path: str

    def logins(self, recorded: dict) -> list[str]:
        """What one call asked for, in its order."""
        asked = [value for name, value in recorded["query"] if name in {"accountId", "logins"}]
        return [login for value in asked for login in value.split(",")]


VENDORS = [
    pytest.param(Vendor("L1", "broker_work", "account/info"), id="broker work"),
    pytest.param(Vendor("R1", "cplugin", "UserRecordsRequest"), id="cplugin"),
]


def call_of(caller: str, seconds: float = 20.0, *, for_command: bool = False) -> Call:
    return Call(Deadline.after(seconds, Clock()), Tally(), f"request of {caller}", caller, for_command)


@asynccontextmanager
async def opened(box, at_once: int):
    config = settings(box, PATIENT)
    for section in ("cplugin", "broker_work"):
        config = changed(config, section, concurrent_live_calls=at_once)
    async with open_upstreams(config, Clock(), memory_tokens) as house:
        yield house


@dataclass
class Desk:
    """One vendor's trading server, and its logins."""

    box: object
    house: Upstreams
    vendor: Vendor
    logins: list[str]
    earlier: list[list[str]] = field(default_factory=list)

    async def ask(self, logins, call: Call, wanted=NOTHING_EXTRA):
        return await self.house.servers[self.vendor.server].live.fetch(logins, wanted, call)

    async def start(self, logins, call: Call, wanted=NOTHING_EXTRA) -> asyncio.Task:
        """Asked, and under way or in the line."""
        task = asyncio.create_task(self.ask(logins, call, wanted))
        await turns()
        return task

    async def start_held(self, login: str, call: Call) -> asyncio.Task:
        """With the vendor, which does not look at it until `release`."""
        self.hold()
        task = await self.start([login], call)
        await self.until_calls(1)
        return task

    def misbehave(self, fault: str, **more) -> None:
        self.box.tell(self.vendor.name, "/misbehave", {"fault": fault, "path": self.vendor.path, **more})

    def hold(self) -> None:
        self.misbehave("latency", seconds=60)

    def release(self) -> None:
        """What is held, goes; what comes from now on is answered at once. No turn of the loop passes meanwhile."""
        self.earlier = self.calls()
        self.box.tell(self.vendor.name, "/reset")

    def calls(self) -> list[list[str]]:
        """The logins of each call so far."""
        recorded = self.box.calls(self.vendor.name)["calls"]
        return self.earlier + [self.vendor.logins(one) for one in recorded if self.vendor.path in one["path"]]

    async def until_calls(self, number: int) -> None:
        for _ in range(6000):
            if len(self.calls()) >= number:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(self.calls())


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture(params=VENDORS)
def vendor(request) -> Vendor:
    return request.param


@pytest.fixture
async def desk(well_behaved, vendor, database):
    query = "SELECT login FROM platform.account WHERE server = $1 ORDER BY login LIMIT 6"
    logins = [str(row["login"]) for row in await database.fetch(query, vendor.server)]
    async with opened(well_behaved, at_once=1) as house:
        yield Desk(well_behaved, house, vendor, logins)


async def leverages(database, server) -> dict[str, object]:
    rows = await database.fetch("SELECT login, leverage FROM platform.account WHERE server = $1", server)
    return {str(row["login"]): row["leverage"] for row in rows}


async def test_waiters_share_one_call_and_each_gets_its_own_answer(desk, vendor, database):
    a, b, c, d, *_ = desk.logins
    asked = [[c, b], [b], [b, d], [c]]
    calls = [call_of("viewer") for _ in range(5)]

    first = await desk.start_held(a, calls[0])
    others = [await desk.start(*one) for one in zip(asked, calls[1:], strict=True)]
    desk.release()
    answers = await asyncio.gather(first, *others)

    books = await leverages(database, vendor.server)
    assert desk.calls() == [[a], [c, b, d]]
    for logins, found in zip([[a], *asked], answers, strict=True):
        assert {login: record.leverage for login, record in found.items()} == {one: books[one] for one in logins}
    system = desk.house.servers[vendor.server].system
    # What was really asked counts once; each is told of its own keys.
    assert [call.tally.calls[system] for call in calls] == [1, 1, 0, 0, 0]
    assert [call.tally.keys[system] for call in calls] == [1, 2, 1, 2, 1]
    assert [list(call.tally.calls) for call in calls] == [[system]] * 5


async def test_no_request_waits_while_a_call_may_be_sent(well_behaved, vendor, database):
    a, b, c, d, *_ = await leverages(database, vendor.server)
    async with opened(well_behaved, at_once=2) as house:
        desk = Desk(well_behaved, house, vendor, [a, b, c, d])
        under_way = [await desk.start_held(a, call_of("viewer")), await desk.start([b], call_of("viewer"))]
        await desk.until_calls(2)
        waiting = [await desk.start([login], call_of("viewer")) for login in (c, d)]
        await asyncio.sleep(0.1)
        at_once = desk.calls()

        desk.release()
        await asyncio.gather(*under_way, *waiting)

        assert at_once == [[a], [b]]
        assert desk.calls() == [[a], [b], [c, d]]


async def test_no_answer_is_older_than_the_request_that_gets_it(desk, vendor, database):
    login = desk.logins[0]
    old = (await leverages(database, vendor.server))[login]
    change = "UPDATE platform.account SET leverage = $1 WHERE server = $2 AND login = $3::bigint"

    desk.misbehave("slow_then_ok", seconds=60)
    before = await desk.start([login], call_of("viewer"))
    await desk.until_calls(1)
    # The vendor has its answer ready by now, and keeps it.
    await asyncio.sleep(0.3)
    await database.execute(change, old + 7, vendor.server, int(login))
    try:
        after = [await desk.start([login], call_of("viewer")) for _ in range(3)]
        desk.release()
        answers = await asyncio.gather(*after)
    finally:
        await database.execute(change, old, vendor.server, int(login))

    assert (await before)[login].leverage == old
    assert [answer[login].leverage for answer in answers] == [old + 7] * 3
    assert len(desk.calls()) == 2


async def test_a_cancelled_waiter_does_not_affect_the_others(desk):
    a, b, c, d, *_ = desk.logins
    under_way = await desk.start_held(a, call_of("one"))
    first, gone, second = [await desk.start([login], call_of("two")) for login in (b, c, d)]

    gone.cancel()
    await turns()
    desk.release()
    desk.hold()
    await desk.until_calls(2)
    first.cancel()
    await turns()
    desk.release()

    assert isinstance((await second)[d], LiveAccountRecord)
    assert isinstance((await under_way)[a], LiveAccountRecord)
    assert desk.calls() == [[a], [b, d]]
    assert first.cancelled()


async def test_a_cancelled_single_call_frees_its_slot(desk):
    a, b, *_ = desk.logins
    desk.misbehave("hang", times=1)
    alone = await desk.start([a], call_of("one"))
    await desk.until_calls(1)
    waiting = await desk.start([b], call_of("two"))

    alone.cancel()

    assert isinstance((await waiting)[b], LiveAccountRecord)


async def test_a_call_without_waiters_frees_its_slot(desk):
    a, b, c, *_ = desk.logins
    under_way = await desk.start_held(a, call_of("one"))
    leaving = [await desk.start([login], call_of("two")) for login in (b, c)]
    desk.release()
    desk.misbehave("hang", times=1)
    await under_way
    await desk.until_calls(2)

    for task in leaving:
        task.cancel()

    assert isinstance((await desk.ask([a], call_of("three", 5.0)))[a], LiveAccountRecord)


async def test_each_caller_waits_for_a_hung_vendor_until_its_own_deadline(desk):
    a, b, c, *_ = desk.logins
    done: list[str] = []

    async def asked(name: str, login: str, seconds: float):
        answer = await desk.ask([login], call_of(name, seconds))
        done.append(name)
        return answer[login]

    desk.misbehave("hang", times=1)
    hung = asyncio.create_task(asked("hung", a, 1.2))
    await desk.until_calls(1)
    short = asyncio.create_task(asked("short", b, 0.2))
    patient = asyncio.create_task(asked("patient", c, 20.0))
    results = await asyncio.gather(hung, short, patient)

    assert [type(result) for result in results] == [Unavailable, Unavailable, LiveAccountRecord]
    assert done == ["short", "hung", "patient"]
    # The other waiter's login was not wanted any more.
    assert desk.calls() == [[a], [c]]


async def test_each_waiter_of_a_shared_call_has_its_own_deadline(desk):
    a, b, c, *_ = desk.logins
    under_way = await desk.start_held(a, call_of("one"))
    short, patient = [await desk.start([b], call_of("two", 1.0)), await desk.start([c], call_of("two", 20.0))]
    desk.release()
    desk.hold()
    await desk.until_calls(2)

    short_answer = await short
    still_asked = not patient.done()
    desk.release()

    assert isinstance(short_answer[b], Unavailable)
    assert short_answer[b].message.endswith("did not answer in time.")
    assert still_asked
    assert isinstance((await patient)[c], LiveAccountRecord)
    assert desk.calls() == [[a], [b, c]]
    await under_way


async def test_a_failing_call_fails_its_waiters_and_no_other_request(desk):
    a, b, c, *_ = desk.logins
    under_way = await desk.start_held(a, call_of("one"))
    sharing = [await desk.start([login], call_of(caller)) for login, caller in ((b, "two"), (c, "three"))]
    desk.release()
    desk.misbehave("status", status=403, times=1)

    good, *failed = await asyncio.gather(under_way, *sharing)
    later = await desk.ask([b, c], call_of("four"))

    errors = [failure for answer in failed for failure in answer.values()]
    assert [type(failure) for failure in errors] == [Rejected, Rejected]
    assert errors[0] is errors[1]
    assert isinstance(good[a], LiveAccountRecord)
    assert all(isinstance(record, LiveAccountRecord) for record in later.values())
    assert len(desk.calls()) == 3


async def test_the_reads_of_a_command_are_not_coalesced(desk):
    a, b, *_ = desk.logins
    desk.misbehave("hang", times=1)
    hung = await desk.start([a], call_of("one"))
    await desk.until_calls(1)

    answer = await desk.ask([b], call_of("one", for_command=True))

    assert isinstance(answer[b], LiveAccountRecord)
    hung.cancel()
    await asyncio.gather(hung, return_exceptions=True)


@pytest.mark.usefixtures("well_behaved")
async def test_records_are_shared_whatever_figures_are_wanted_and_each_gets_his(box, database):
    """MT4's record is the same call; margins are a call of their own, for the requests that select them."""
    vendor = Vendor("R1", "cplugin", "UserRecordsRequest")
    a, b, *_ = await leverages(database, "R1")
    async with opened(box, at_once=1) as house:
        desk = Desk(box, house, vendor, [a, b])
        under_way = await desk.start_held(a, call_of("one"))
        asked = [await desk.start([b], call_of("two"), wanted) for wanted in (NOTHING_EXTRA, {"equity", "currency"})]
        desk.release()

        plain, rich = await asyncio.gather(*asked)
        await under_way
    assert desk.calls() == [[a], [b]]
    assert (plain[b].equity, plain[b].currency) == (None, None)
    assert None not in {rich[b].equity, rich[b].currency}


# ---- statements


@pytest.fixture
async def erp(box):
    database = Database(DatabaseConfig(url=Secret(box.graph_database_url)), label="ERP_DATABASE")
    facts = Erp(database, Sharing(concurrent_calls=1, keys_max=1000))
    yield facts
    await facts.aclose()
    await database.close()


@asynccontextmanager
async def locked_clients(box):
    """A statement for clients waits until the end."""
    connection = await asyncpg.connect(box.database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE hyper.clients IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        await transaction.rollback()
        await connection.close()


async def foreign_and_own(database) -> tuple[int, int]:
    """Two clients: not of agency 1, and of it."""
    query = "SELECT client_number FROM brokergraph_erp.client WHERE (agency = 1) = $1 ORDER BY 1 LIMIT 1"
    return await database.fetchval(query, False), await database.fetchval(query, True)


PARTNER = Visibility((1,), None, "partner")


async def test_one_principals_look_ups_share_a_statement(erp, box, database):
    foreign, own = await foreign_and_own(database)
    calls = [call_of("partner") for _ in range(6)]
    async with locked_clients(box):
        asked = [asyncio.create_task(erp.clients.ask(PARTNER, [own, foreign], call)) for call in calls]
        asked.append(asyncio.create_task(erp.clients.ask(EVERYTHING, [foreign], call_of("ours"))))
        await asyncio.sleep(0.2)
    *answers, ours = await asyncio.gather(*asked)

    assert [list(answer) for answer in answers] == [[own]] * 6
    assert list(ours) == [foreign]
    # They asked in the same moment, so one statement is for all, although there was a second place.
    assert [call.tally.calls["ERP_DATABASE"] for call in calls] == [1, 0, 0, 0, 0, 0]
    assert [call.tally.keys["ERP_DATABASE"] for call in calls] == [2] * 6


OTHERS = [
    Visibility((1,), None, "another partner"),
    Visibility((1, 2), None, "partner"),
    Visibility(None, None, "partner"),
    Visibility((1,), 600001, "partner"),
]


@pytest.mark.parametrize("other", OTHERS, ids=repr)
async def test_callers_with_different_visibility_share_nothing(erp, box, database, other):
    foreign, own = await foreign_and_own(database)
    query = (
        "SELECT client_number FROM brokergraph_erp.client WHERE client_number = ANY ($1) "
        "AND ($2::int[] IS NULL OR agency = ANY ($2)) AND ($3::int IS NULL OR client_number = $3) ORDER BY 1"
    )
    asked = []
    async with locked_clients(box):
        for visible in (PARTNER, other) * 3:
            call = call_of("partner")
            task = asyncio.create_task(erp.clients.ask(visible, [foreign, own], call))
            asked.append((visible, call, task))
            await turns()
    for visible, _, task in asked:
        seen = await database.fetch(query, [foreign, own], visible.agencies, visible.client_number)
        assert sorted(await task) == [row["client_number"] for row in seen]
    # Of each visibility the first request has its own call, and the others share one.
    calls = [call.tally.calls["ERP_DATABASE"] for _, call, _ in asked]
    assert calls == [1, 1, 1, 1, 0, 0]


async def test_a_hung_statement_is_waited_for_as_long_as_each_may(erp, box, database):
    _, own = await foreign_and_own(database)
    async with locked_clients(box):
        hung = asyncio.create_task(erp.clients.ask(EVERYTHING, [own], call_of("one", 10.0)))
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable) as refused:
            await erp.clients.ask(EVERYTHING, [own], call_of("two", 0.2))
        assert not hung.done()
    assert refused.value.system is System("ERP_DATABASE")
    assert "did not answer in time" in refused.value.message
    assert list(await hung) == [own]


async def test_each_look_up_by_key_answers_its_own_question(erp, database):
    """Five statements, five gates: an answer of the one is no answer of another."""
    row = await database.fetchrow("SELECT * FROM brokergraph_erp.trading_account WHERE client_number = 500608 LIMIT 1")
    key, call = AccountKey(row["server"], row["login"]), a_call()

    async def everything():
        return await asyncio.gather(
            erp.clients.ask(EVERYTHING, [500608], call),
            erp.clients_by_account.ask(EVERYTHING, [key], call),
            erp.web_statuses.ask(EVERYTHING, [500608], call),
            erp.balances.ask(EVERYTHING, [500608], call),
            erp.accounts.ask(EVERYTHING, [key], call),
        )

    alone, *together = await asyncio.gather(*(everything() for _ in range(5)))

    client, owner, status, balances, account = alone
    assert client[500608].client_number == owner[key].client_number == status[500608].client_number == 500608
    assert {balance.client_number for balance in balances[500608]} == {500608}
    assert account[key].key == key
    assert together == [alone] * 4


# ---- the gate by itself


class Ledger:
    """A question that is answered when the test says so."""

    def __init__(self, sharing: Sharing, *, away: bool = False) -> None:
        self.asked: list[tuple[object, list[int], Call, str]] = []
        self.go = asyncio.Event()
        self.most: Counter[object] = Counter()
        self.inside: Counter[object] = Counter()
        self.gate = Coalescing(self._ask, sharing, too_late=self.too_late, away=away)

    async def _ask(self, question, keys, call) -> dict[int, str]:
        self.asked.append((question, list(keys), call, WHO.get()))
        self.inside[question] += 1
        self.most[question] = max(self.most[question], self.inside[question])
        try:
            await self.go.wait()
            await asyncio.sleep(0)
        finally:
            self.inside[question] -= 1
        return {key: f"{question} {key}" for key in keys}

    @staticmethod
    def too_late() -> Unavailable:
        return Unavailable("too late", system=System("CPLUGIN"))

    def start(self, keys, call, question=None) -> asyncio.Task:
        return asyncio.create_task(self.gate.ask(question, keys, call))


async def test_a_shared_call_belongs_to_its_first_waiter(anyio_backend):
    ledger = Ledger(Sharing(1, 100))
    calls = [call_of("zero"), call_of("one", 5.0), call_of("two", 15.0), call_of("three", 1.0)]
    tasks = []
    for call in calls:
        WHO.set(call.caller)
        tasks.append(ledger.start([len(tasks)], call))
        await asyncio.sleep(0)
    WHO.set("the test")

    ledger.go.set()
    await asyncio.gather(*tasks)

    [_, (_, keys, call, who)] = ledger.asked
    assert keys == [1, 2, 3]
    assert (call.caller, call.request_id, who) == ("one", "request of one", "one")
    assert call.deadline == calls[2].deadline


async def test_callers_take_turns_where_not_all_fit():
    ledger = Ledger(Sharing(1, 4))
    tasks = [ledger.start([0], call_of("first"))]
    await turns()
    tasks += [ledger.start([10 * n, 10 * n + 1], call_of("greedy")) for n in range(1, 5)]
    tasks += [ledger.start([7], call_of("modest")), ledger.start([1, 2, 3, 4, 5, 6], call_of("large"))]
    await asyncio.sleep(0)

    ledger.go.set()
    answers = await asyncio.gather(*tasks)

    assert [keys for _, keys, _, _ in ledger.asked] == [
        [0],
        [10, 11, 7],
        [1, 2, 3, 4, 5, 6],
        [20, 21, 30, 31],
        [40, 41],
    ]
    assert [sorted(answer) for answer in answers[1:3]] == [[10, 11], [20, 21]]


@pytest.mark.parametrize("away", [True, False])
async def test_while_a_vendor_is_waited_for_the_server_may_do_other_work(away):
    ledger, outside = Ledger(Sharing(1, 100), away=away), []

    class NotedSlot(Slot):
        def release(self):
            outside.append("goes")

        def take(self):
            outside.append("comes back")

    first = ledger.start([1], call_of("viewer"))
    waiting = ledger.start([2], replace(call_of("viewer"), lifetime=Lifetime(NotedSlot())))
    await turns()
    assert outside == ["goes"] * away
    ledger.go.set()
    await asyncio.gather(first, waiting)

    assert outside == ["goes", "comes back"] * away


async def test_requests_share_nothing_when_coalescing_is_off():
    ledger = Ledger(Sharing(0, 100))
    tasks = [ledger.start([1], call_of("viewer")) for _ in range(5)]
    ledger.go.set()
    await asyncio.gather(*tasks)

    assert [keys for _, keys, _, _ in ledger.asked] == [[1]] * 5


async def test_a_waiter_gets_an_error_when_the_upstreams_close():
    ledger = Ledger(Sharing(1, 100))
    alone, *waiting = [ledger.start([n], call_of("viewer")) for n in range(3)]
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await ledger.gate.aclose()
    await asyncio.wait(waiting, timeout=5)

    assert [type(task.exception()) for task in waiting if task.done()] == [Unavailable, Unavailable]


@given(
    steps=some.lists(
        some.tuples(
            some.sampled_from(["a", "b"]),
            some.lists(some.integers(0, 9), min_size=1, max_size=4),
            some.sampled_from(["stays", "is cancelled", "is late"]),
            some.booleans(),
        ),
        max_size=30,
    ),
    at_once=some.integers(1, 3),
)
def test_no_slot_and_no_waiter_is_lost_when_waiters_are_cancelled(steps, at_once):
    async def run():
        ledger = Ledger(Sharing(at_once, 5))
        tasks = []
        for question, keys, fate, turn in steps:
            call = call_of("viewer", 0.0 if fate == "is late" else 30.0)
            tasks.append((question, keys, ledger.start(keys, call, question)))
            if turn:
                await asyncio.sleep(0)
            if fate == "is cancelled":
                tasks[len(tasks) // 2][2].cancel()
        ledger.go.set()
        results = await asyncio.gather(*(task for _, _, task in tasks), return_exceptions=True)
        for (question, keys, _), result in zip(tasks, results, strict=True):
            if isinstance(result, dict):
                assert result == {key: f"{question} {key}" for key in keys}
            else:
                assert isinstance(result, Unavailable | asyncio.CancelledError)
        assert all(most <= at_once for most in ledger.most.values())
        # All places are free again: so many more go at once.
        ledger.go.clear()
        before = len(ledger.asked)
        last = []
        for number in range(at_once):
            last += [ledger.start([number], call_of("viewer"), question) for question in "ab"]
            await turns()
        assert len(ledger.asked) - before == 2 * at_once
        ledger.go.set()
        await asyncio.gather(*last)

    asyncio.run(run())
