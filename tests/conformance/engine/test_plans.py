"""Plans are made once, know nothing of callers, and are released when they are no longer stored."""

import asyncio
import gc
import os
from collections import Counter
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import strawberry
from graphql import FieldNode, Token, parse
from graphql.execution.values import VariableValues
from support.odd import World, core, odd, root_of
from support.oracle import order

from engine import Engine, Plan
from engine import codegen as build
from engine.codegen import Builder
from engine.field_plans import FieldPlan
from engine.plan import Selection, Variant
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Documents, RunnableOperation
from resolvers.request.runners import LevelByLevel
from resolvers.schema import core_schema, schema

pytestmark = pytest.mark.anyio

NOTHING = VariableValues({}, {})
# More of them, and more of them hot, than there is room for.
FLOOD, HOT = (10_000 if os.environ.get("TORTURE") == "long" else 3_000), 2_500
MOST_DOCUMENTS, MOST_LOOPS = 1000, 2000
KNOWN = "query Known { known: __typename }"


def plan_of(engine, text):
    document = parse(text)
    return engine.plan(document, document.definitions[0])


# ---- callers -------------------------------------------------------------------------------------------------------


@strawberry.type
class Box:
    weight: int | None
    secret: str | None


@strawberry.type
class Shelf:
    name: str
    secret: str | None
    hidden: int
    box: Box | None


async def find_shelves(parents, context):
    context.append(len(parents))
    await asyncio.sleep(0)
    return [SHELVES for _ in parents]


async def shelves(info: strawberry.Info) -> list[Shelf]:
    raise AssertionError("asked by lists")


shelves.list_resolver = find_shelves


@strawberry.type
class Shop:
    shelves: list[Shelf] = strawberry.field(resolver=shelves)


SHOP = strawberry.Schema(query=Shop)
SHELVES = [
    Shelf(name=name, secret=f"of {name}", hidden=place, box=Box(weight=3, secret="box"))
    for place, name in enumerate("abc")
]
EVERYTHING = "{ shelves { name secret hidden box { weight secret } } }"
MAY_NOT = PermissionError("not for you")


def answer(**nulled):
    """What stands on the shelves; with some of it nulled."""
    return {"shelves": [asdict(shelf) | nulled for shelf in SHELVES]}


CALLERS = [
    ({}, answer()),
    ({"Shelf.secret": MAY_NOT}, answer(secret=None)),
    ({"Box.secret": MAY_NOT}, answer(box={"weight": 3, "secret": None})),
    ({"Shelf.box": MAY_NOT}, answer(box=None)),
    ({"Shelf.hidden": MAY_NOT}, None),
    ({"Shop.shelves": MAY_NOT}, None),
]


@pytest.fixture
def shop():
    return Engine(SHOP._schema, SHOP, hot_after=1)  # noqa: SLF001 - strawberry offers no public way to graphql-core's.


@pytest.mark.parametrize("first", range(len(CALLERS)))
async def test_callers_with_different_scopes_share_a_plan_and_nothing_else(shop, first):
    plan = plan_of(shop, EVERYTHING)
    turns = [*CALLERS[first:], *CALLERS[:first]] * 3

    for refused, expected in turns:
        outcome = await shop.run(plan, NOTHING, [], refused=refused)

        assert outcome.data == expected
        assert {error.original_error for error in outcome.errors} == ({MAY_NOT} if refused else set())


async def test_callers_who_ask_at_the_same_moment_are_each_answered_their_own(shop):
    plan = plan_of(shop, EVERYTHING)
    asked = [[] for _ in range(30)]

    outcomes = await asyncio.gather(
        *(shop.run(plan, NOTHING, asked[turn], refused=CALLERS[turn % 6][0]) for turn in range(30))
    )

    assert [outcome.data for outcome in outcomes] == [CALLERS[turn % 6][1] for turn in range(30)]
    # A caller without permission for the shelves causes no look-up of shelves.
    assert asked == [[] if turn % 6 == 5 else [1] for turn in range(30)]


# ---- how often, and how many ----------------------------------------------------------------------------------------


@pytest.fixture
def planned(monkeypatch):
    """How often each operation was planned, by its name or the name of its first field."""
    counted = Counter()
    plan = Engine.plan

    def counting(self, document, operation):
        [first, *_] = operation.selection_set.selections
        counted[(first.alias or first.name).value] += 1
        return plan(self, document, operation)

    monkeypatch.setattr(Engine, "plan", counting)
    return counted


@pytest.fixture
def ask():
    """Ask the graph as the server does, for fields that need no upstream."""
    runner = LevelByLevel(core_schema, schema, 2)
    documents = Documents(core_schema, DocumentLimits(), introspection=True)

    async def ask(text):
        document = documents.read(text)
        asked = RunnableOperation(document, document.operation(None), NOTHING, {})
        context = SimpleNamespace(explain=False, forbidden={}, call=SimpleNamespace(reads=None, trace=None))
        return (await runner.run(asked, context)).data

    ask.documents = documents
    return ask


@pytest.mark.timeout(300)
async def test_a_flood_of_different_documents_leaves_known_ones_alone_and_nothing_behind(ask, planned):
    for number in range(FLOOD):
        # Often enough to have code generated for it.
        for _ in range(3 if number < HOT else 1):
            assert await ask(f"{{ n{number}: __typename }}") == {f"n{number}": "Query"}
        if number % 100 == 0:
            assert await ask(KNOWN) == {"known": "Query"}

    assert planned["known"] == 1
    assert planned.total() == FLOOD + 1
    assert len(ask.documents._documents) <= MOST_DOCUMENTS  # noqa: SLF001 - it is what must not grow.
    assert MOST_LOOPS / 2 < len(build._shapes) <= MOST_LOOPS  # noqa: SLF001 - the same.


async def test_each_operation_of_a_document_is_planned_once(planned):
    engine = Engine(core(), odd())
    document = parse("query A($x: Boolean!) { a: number @skip(if: $x) number } query B { b: number }")
    first, second = document.definitions
    plans = [engine.plan(document, first), engine.plan(document, second)]
    root = root_of(World(1, trouble=0))

    for _ in range(4):
        for given, keys in ((True, ["number"]), (False, ["a", "number"])):
            outcome = await engine.run(plans[0], VariableValues({}, {"x": given}), [], root=root)
            assert list(outcome.data) == keys
        assert list((await engine.run(plans[1], NOTHING, [], root=root)).data) == ["b"]

    assert planned == {"a": 1, "b": 1}


async def test_no_more_choices_of_conditions_are_kept_than_there_is_room_for():
    engine = Engine(core(), odd(), hot_after=0)
    names = [f"x{number}" for number in range(8)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    chosen = " ".join(f"{name}: number @include(if: ${name})" for name in names)
    plan = plan_of(engine, f"query ({declared}) {{ {chosen} __typename }}")
    root = root_of(World(1, trouble=0))

    for choice in range(2**8):
        wanted = {name: bool(choice >> place & 1) for place, name in enumerate(names)}
        outcome = await engine.run(plan, VariableValues({}, wanted), [], root=root)
        assert list(order(outcome.data)) == [*((name, None) for name in names if wanted[name]), ("__typename", None)]

    assert len(plan._variants) == 32  # noqa: SLF001 - it is what must not grow.


def alive(*kinds):
    return Counter(one.__class__.__name__ for one in gc.get_objects() if isinstance(one, kinds))


async def test_a_plan_that_is_thrown_away_is_gone_at_once():
    """The server looks for cycles seldom: a flood would pile up whatever waits for that."""
    engine = Engine(core(), odd(), hot_after=0)
    text = "{ box { id label parent { best { ... on Cat { name friend { name } } } } } being { name } }"
    kinds = (Plan, Variant, Selection, FieldPlan, Builder, FieldNode)
    gc.collect()
    gc.disable()
    try:
        before = alive(*kinds)
        document = parse(text, no_location=True)
        plan = engine.plan(document, document.definitions[0])
        outcome = await engine.run(plan, NOTHING, [], root=root_of(World(1, trouble=0)))
        during = alive(*kinds)
        del document, plan, outcome

        assert all(during[kind.__name__] > before[kind.__name__] for kind in kinds)
        assert alive(*kinds) == before
    finally:
        gc.enable()


async def test_a_document_that_is_pushed_out_is_gone_at_once(ask):
    def pushed_out():
        ask.documents._documents.clear()  # noqa: SLF001 - as a flood would.

    assert await ask("{ __typename }")
    # What validation leaves behind is young and soon found; what counts is what was kept for long.
    gc.collect()
    gc.disable()
    try:
        before = alive(FieldNode, Token, Plan)
        pushed_out()

        assert before - alive(FieldNode, Token, Plan) == {"FieldNode": 1, "Token": 5, "Plan": 1}
    finally:
        gc.enable()
