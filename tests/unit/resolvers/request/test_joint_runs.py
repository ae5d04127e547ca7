"""Requests join in one run, and leave it: their deadlines, slots, calls and cancellations stay their own."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from graphql.execution.values import VariableValues
from msgspec.structs import replace
from support.vendor_calls import a_call

from core.lifetime import Lifetime, Slot
from engine import Outcome
from resolvers.context import Caller, Context
from resolvers.request.joint_runs import JointRuns
from resolvers.request.runners import LevelByLevel
from resolvers.schema import core_schema, schema

pytestmark = pytest.mark.anyio

MOST = 4


class Runs:
    """An engine that notes its runs and answers after `answer`."""

    def __init__(self) -> None:
        self.runs: list[tuple[list[int], Context]] = []
        self.answer: Any = None
        self.deliver: Any = None
        self.cancelled = 0

    async def run_together(self, *parts: Any) -> None:
        *_, variables, context, deliver = parts
        numbers = [one.coerced["number"] for one in variables]
        self.runs.append((numbers, context))
        self.deliver = deliver
        try:
            if self.answer is not None:
                await self.answer(context)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        for index, number in enumerate(numbers):
            deliver(index, None if number < 0 else Outcome({"number": number}, []))

    def wait_for(self, vendor: asyncio.Event) -> None:
        """Let each run wait for a vendor."""

        async def waits(context: Context) -> None:
            with context.call.lifetime.waiting_for_vendor():
                await vendor.wait()

        self.answer = waits

    @property
    def numbers(self) -> list[list[int]]:
        return [numbers for numbers, _ in self.runs]


class NotedSlot(Slot):
    def __init__(self) -> None:
        self.taken = True

    def release(self) -> None:
        self.taken = False

    def take(self) -> None:
        self.taken = True


class Requests:
    """Makes requests for one plan."""

    def __init__(self, inner: tuple[str, ...] = ()) -> None:
        self.runs = Runs()
        self.joint_runs = JointRuns(self.runs)
        self.lifetimes: list[Lifetime] = []
        self.joint = SimpleNamespace(inner_variables=inner, rendering=SimpleNamespace(most_requests=MOST))

    def context(self, *, seconds: float = 10.0, slot: Slot | None = None, **caller: Any) -> Context:
        who = {"name": "a", "principal": "a", "scopes": frozenset({"client:read"}), "agencies": None} | caller
        call = a_call(seconds)
        if slot is not None:
            self.lifetimes.append(Lifetime(slot))
            call = replace(call, lifetime=self.lifetimes[-1])
        return Context(SimpleNamespace(), Caller(**who), call, frozenset())

    def send(self, number: int, context: Context | None = None, **variables: Any) -> asyncio.Task[Outcome | None]:
        values = VariableValues({}, {"number": number, **variables})
        return asyncio.create_task(self.joint_runs.outcome(None, None, self.joint, values, context or self.context()))

    def send_to_vendor(self, number: int) -> tuple[list[NotedSlot], list[asyncio.Task[Outcome | None]], asyncio.Event]:
        """Requests with slots, of which each run waits for a vendor."""
        slots, vendor = [NotedSlot() for _ in range(number)], asyncio.Event()
        self.runs.wait_for(vendor)
        return slots, [self.send(one, self.context(slot=slot)) for one, slot in enumerate(slots)], vendor


@pytest.fixture
def requests() -> Requests:
    return Requests()


def data(outcomes: list[Outcome | None]) -> list[int | None]:
    return [None if outcome is None else outcome.data["number"] for outcome in outcomes]


async def turns(number: int = 12) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_requests_of_one_moment_are_one_run_and_each_gets_its_own_outcome(requests):
    assert data(await asyncio.gather(*map(requests.send, (1, 2, -3)))) == [1, 2, None]
    assert requests.runs.numbers == [[1, 2, -3]]


async def test_a_request_alone_is_left_to_a_run_of_its_own(requests):
    assert await requests.send(1) is None
    assert requests.runs.numbers == []


async def test_a_run_has_at_most_so_many_requests(requests):
    assert data(await asyncio.gather(*map(requests.send, range(2 * MOST + 2)))) == list(range(2 * MOST + 2))
    assert sorted(map(len, requests.runs.numbers)) == [2, MOST, MOST]


@pytest.mark.parametrize(
    "other",
    [
        {"scopes": frozenset()},
        {"agencies": (1,)},
        {"client_number": 7},
        {"principal": "b"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_callers_that_may_not_see_the_same_do_not_join(requests, other):
    same, different = requests.context(), requests.context(**other)

    await asyncio.gather(requests.send(1, same), requests.send(2, different), requests.send(3, same))

    assert requests.runs.numbers == [[1, 3]]


@pytest.mark.parametrize("values, runs", [((5, 5, 6), [[0, 1]]), ((1, True, 1), [[0, 2]]), (("1", 1, "1"), [[0, 2]])])
async def test_other_values_of_variables_below_the_root_do_not_join(values, runs):
    requests = Requests(inner=("age",))

    await asyncio.gather(*(requests.send(number, age=value) for number, value in enumerate(values)))

    assert requests.runs.numbers == runs


async def test_variables_of_the_root_field_alone_may_differ():
    requests = Requests(inner=("age",))

    await asyncio.gather(*(requests.send(number, age=1, first=number) for number in range(3)))

    assert requests.runs.numbers == [[0, 1, 2]]


async def test_a_run_that_fails_leaves_each_request_to_a_run_of_its_own(requests, caplog):
    async def fails(_context: Context) -> None:
        raise RuntimeError("odd")

    requests.runs.answer = fails
    with caplog.at_level(logging.ERROR):
        assert await asyncio.gather(*map(requests.send, (1, 2))) == [None, None]

    assert [record.exc_info[1].args for record in caplog.records] == [("odd",)]


async def test_the_run_has_the_earliest_deadline(requests):
    calls = [requests.context(seconds=seconds) for seconds in (9.0, 3.0, 7.0)]

    await asyncio.gather(*(requests.send(number, context) for number, context in enumerate(calls)))

    [(_, context)] = requests.runs.runs
    assert context.call.deadline == calls[1].call.deadline


async def test_a_call_counts_once_in_the_sum_over_all_requests(requests):
    async def counts(context: Context) -> None:
        context.call.tally.count("ERP_DATABASE", 3)

    requests.runs.answer = counts
    contexts = [requests.context() for _ in range(3)]
    await asyncio.gather(*(requests.send(number, context) for number, context in enumerate(contexts)))

    assert [dict(context.call.tally.calls) for context in contexts] == [{"ERP_DATABASE": n} for n in (1, 0, 0)]
    assert sum(context.call.tally.keys["ERP_DATABASE"] for context in contexts) == 3


async def test_a_cancelled_request_leaves_the_others_their_outcomes_and_gives_its_slot_back(requests):
    slots, sent, vendor = requests.send_to_vendor(3)
    await turns()
    during = [slot.taken for slot in slots]
    sent[0].cancel()
    await turns()
    left = [slot.taken for slot in slots]
    vendor.set()
    outcomes = await asyncio.gather(*sent, return_exceptions=True)

    assert during == [False, False, False]
    assert left == [True, False, False]
    assert [slot.taken for slot in slots] == [True, True, True]
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert data(outcomes[1:]) == [1, 2]
    assert requests.runs.cancelled == 0


async def test_a_request_that_is_cancelled_with_its_outcome_leaves_only_once(requests):
    slots, sent, vendor = requests.send_to_vendor(2)
    first = asyncio.Event()

    async def delivers_first(context: Context) -> None:
        with context.call.lifetime.waiting_for_vendor():
            requests.runs.deliver(0, Outcome({"number": 0}, []))
            sent[0].cancel()
            first.set()
            await vendor.wait()

    requests.runs.answer = delivers_first
    await first.wait()
    await turns()
    waiting = requests.lifetimes[0]._waits  # noqa: SLF001 - it must not fall below zero.
    vendor.set()
    await asyncio.gather(*sent, return_exceptions=True)

    assert waiting == 0
    assert [slot.taken for slot in slots] == [True, True]


async def test_a_request_that_has_left_before_the_run_begins_keeps_out_of_its_waits(requests):
    slots, sent, vendor = requests.send_to_vendor(3)
    # The third turn makes the run, then the cancelled request leaves, and the fourth turn begins the run.
    await turns(2)
    sent[0].cancel()
    await turns()
    during = [slot.taken for slot in slots]
    vendor.set()
    outcomes = await asyncio.gather(*sent, return_exceptions=True)

    assert during == [True, False, False]
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert data(outcomes[1:]) == [1, 2]


async def test_a_run_without_requests_is_cancelled(requests):
    _, sent, _ = requests.send_to_vendor(2)
    await turns()
    for one in sent:
        one.cancel()
    await asyncio.gather(*sent, return_exceptions=True)
    await turns()

    assert requests.runs.cancelled == 1


async def test_a_request_that_is_cancelled_while_it_gathers_is_not_run(requests):
    sent = [requests.send(number) for number in range(3)]
    await asyncio.sleep(0)
    sent[1].cancel()
    outcomes = await asyncio.gather(*sent, return_exceptions=True)

    assert data([outcomes[0], outcomes[2]]) == [0, 2]
    assert requests.runs.numbers == [[0, 2]]


async def test_nothing_is_kept_of_runs_that_are_over(requests):
    await asyncio.gather(*map(requests.send, (1, 2)))
    sent = requests.send(3)
    await asyncio.sleep(0)
    sent.cancel()
    await asyncio.gather(sent, return_exceptions=True)
    await turns()

    assert requests.joint_runs._gathering == {}  # noqa: SLF001 - it is what must not grow.


class Chosen:
    """Says how the runner of a process ran an operation: alone or together."""

    def plan(self, *_: Any) -> Any:
        return SimpleNamespace(variant=lambda _variables: SimpleNamespace(joint="joint"))

    def joins(self, *_: Any) -> bool:
        return True

    async def run(self, *_: Any, **_options: Any) -> Outcome:
        return Outcome({"ran": "alone"}, [])

    async def outcome(self, *_: Any) -> Outcome:
        return Outcome({"ran": "together"}, [])


@pytest.mark.parametrize(
    "running, facts, ran",
    [
        (1, {}, "together"),
        (0, {}, "alone"),
        (1, {"explain": True}, "alone"),
        (1, {"forbidden": {"Client.email": ("client:read",)}}, "alone"),
        (1, {"reads": set()}, "alone"),
        (1, {"trace": object()}, "alone"),
        (1, {"joins": False}, "alone"),
    ],
    ids=["others are there", "no other", "explained", "forbidden fields", "audited", "traced", "switched off"],
)
async def test_a_request_joins_only_if_others_are_there_and_nothing_about_it_is_special(running, facts, ran):
    runner, chosen = LevelByLevel(core_schema, schema, 2, joins=facts.get("joins", True)), Chosen()
    runner._engine = runner._joint_runs = chosen  # noqa: SLF001 - their answers say which one was asked.
    runner._running = running  # noqa: SLF001 - as if others ran.
    facts = {"explain": False, "forbidden": {}, "reads": None, "trace": None} | facts
    call = SimpleNamespace(reads=facts["reads"], trace=SimpleNamespace(level=None) if facts["trace"] else None)
    context = SimpleNamespace(explain=facts["explain"], forbidden=facts["forbidden"], call=call)
    document = SimpleNamespace(plans={}, tree=None)
    runnable = SimpleNamespace(document=document, name=None, operation=None, variables=None)

    assert (await runner.run(runnable, context)).data == {"ran": ran}
    assert runner._running == running  # noqa: SLF001 - none is left behind.
