"""What resolvers are told and may do, and what a run leaves behind: as with graphql-core."""

import asyncio
import gc
import types
from contextlib import contextmanager
from functools import reduce

import pytest
from graphql import ExecutionResult, build_schema, execute, parse
from graphql.execution.values import VariableValues, get_variable_values

from engine import Engine, mark_as_guard
from engine.paths import ElementPaths, FieldPaths, RootPath, path_as_list

pytestmark = pytest.mark.anyio

SCHEMA = build_schema("""
    interface Node { id: Int }
    type Query { one(number: Int): Leaf many: [Node!] list: [Int!] grid: [[Leaf]] tree: Tree }
    type Leaf implements Node { id: Int twig(words: [String!]): [Leaf!] }
    type Tree implements Node { id: Int branches: [Node] }
""")


async def by(way, text, root, variables=None, context=None):
    document = parse(text)
    [operation, *_] = document.definitions
    if way == "engine":
        engine = Engine(SCHEMA)
        given = get_variable_values(SCHEMA, operation.variable_definitions or (), variables or {})
        plan = engine.plan(document, operation)
        assert plan is not None
        return await engine.run(plan, given, context, root=root)
    result = execute(SCHEMA, document, root, context, variables)
    return result if isinstance(result, ExecutionResult) else await result


BOTH = pytest.mark.parametrize("way", ["engine", "graphql-core"])


def path_of(path):
    """Each step of a path with the type it belongs to."""
    return [] if path is None else [*path_of(path.prev), (path.key, path.typename)]


class Told:
    """Remembers what its resolvers were told."""

    def __init__(self, kind="Leaf"):
        self._Told__typename = kind
        self.told = []

    def id(self, info):
        self.told.append(info)
        return 1

    def one(self, _info, **_arguments):
        return self

    def many(self, _info):
        return [self, self]

    def grid(self, _info):
        return [[self], None, [None, self]]

    def twig(self, _info, **_arguments):
        return [self, self]


async def test_a_resolver_is_told_the_same():
    text = """query Q($n: Int = 3) { many { ... on Leaf { id here: twig { there: id } } } grid { ...F }
                                    a: one(number: $n) { id } }
              fragment F on Leaf { id ... { id } }"""
    told = {}
    for way in ("engine", "graphql-core"):
        root, context = Told(), object()
        await by(way, text, root, context=context)
        assert all(info.context is context and info.schema is SCHEMA and info.root_value is root for info in root.told)
        told[way] = [
            (
                path_of(info.path),
                info.field_name,
                [node.loc.start for node in info.field_nodes],
                info.parent_type.name,
                str(info.return_type),
                info.operation.name.value,
                list(info.fragments),
                dict(info.variable_values.coerced),
            )
            for info in root.told
        ]

    key = repr
    assert sorted(told["engine"], key=key) == sorted(told["graphql-core"], key=key)
    assert [("many", "Query"), (1, None), ("here", "Leaf"), (0, None), ("there", "Leaf")] in [
        one[0] for one in told["engine"]
    ]
    assert len(told["engine"]) == 9


async def test_each_level_is_measured_with_the_number_of_its_objects():
    levels, open_levels = [], []

    @contextmanager
    def measure(type_name, objects):
        levels.append((*open_levels, type_name, objects))
        open_levels.append(type_name)
        yield
        open_levels.pop()

    document = parse("{ list one { id } many { ... on Leaf { id twig { id } } } }")
    [operation] = document.definitions
    engine = Engine(SCHEMA)
    plan = engine.plan(document, operation)
    root = Told()
    root.list = []
    outcome = await engine.run(plan, get_variable_values(SCHEMA, (), {}), root=root, level_span=measure)

    assert outcome.errors == []
    assert sorted(levels, key=str) == [
        ("Query", "Leaf", "Leaf", 4),
        ("Query", "Leaf", 1),
        ("Query", "Leaf", 2),
        ("Query", 1),
    ]
    assert open_levels == []


@BOTH
async def test_what_a_resolver_does_to_its_arguments_is_its_own_affair(way):
    given = []

    def twig(_info, words):
        given.append(list(words))
        words.clear()
        return []

    leaves = {"__typename": "Leaf", "twig": twig}
    await by(way, '{ many { ... on Leaf { twig(words: ["a", "b"]) } } }', {"many": [leaves] * 3})

    assert given == [["a", "b"]] * 3


@BOTH
async def test_what_can_be_gone_through_is_closed_where_it_fails(way):
    class Numbers:
        closed = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            raise RuntimeError("torn")

        async def aclose(self):
            self.closed += 1

    numbers = Numbers()
    result = await by(way, "{ list }", {"list": numbers})

    assert [(error.path, error.message) for error in result.errors] == [(["list"], "torn")]
    assert numbers.closed == 1


@BOTH
async def test_a_coroutine_of_the_old_kind_is_awaited(way):
    @types.coroutine
    def old(_info, **_arguments):
        yield from asyncio.sleep(0).__await__()
        return {"id": 4}

    assert (await by(way, "{ one { id } }", {"one": old})).data == {"one": {"id": 4}}


@BOTH
async def test_side_by_side_they_take_as_long_as_the_longest(way):
    everybody = asyncio.Barrier(6)

    async def together(_info):
        await asyncio.wait_for(everybody.wait(), 5)
        return 1

    leaves = [{"__typename": kind, "id": together} for kind in ("Leaf", "Tree", "Leaf")]
    result = await by(
        way,
        "{ many { id } one { id } grid { id } }",
        {"many": leaves, "one": leaves[0], "grid": [leaves[:1], leaves[:1]]},
    )

    assert not result.errors
    assert result.data["many"] == [{"id": 1}] * 3


async def test_a_cancelled_run_leaves_no_task():
    begun, ended, others = asyncio.Event(), [], asyncio.all_tasks()

    async def forever(_info):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    leaf = {"__typename": "Leaf", "id": forever}
    running = asyncio.create_task(by("engine", "{ many { id } one { id } }", {"many": [leaf, leaf], "one": leaf}))
    await begun.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == ["cancelled"] * 3
    assert asyncio.all_tasks() == others


async def test_a_call_for_a_whole_level_ends_with_the_run_that_is_given_up():
    begun, ended, others = asyncio.Event(), [], asyncio.all_tasks()

    async def resolve(parents, _context):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(len(parents))

    @mark_as_guard
    def each(*_arguments):
        raise AssertionError("asked by lists")

    each.list_resolver = resolve
    schema = build_schema("type Query { slow: Int self: [Query] }")
    schema.query_type.fields["slow"].resolve = each
    document = parse("{ self { slow } }")
    engine = Engine(schema)
    plan = engine.plan(document, document.definitions[0])
    running = asyncio.create_task(engine.run(plan, VariableValues({}, {}), root={"self": [{}, {}, {}]}))
    await begun.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert ended == [3]
    assert asyncio.all_tasks() == others


async def test_whatever_was_called_is_awaited_although_others_fail():
    awaited = []

    async def late(_info, **_arguments):
        awaited.append("late")
        raise RuntimeError("late")

    def early(_info, **_arguments):
        raise RuntimeError("early")

    leaf = {"__typename": "Leaf", "id": late, "twig": late}
    leaves = [leaf, {**leaf, "id": early}, leaf, {**leaf, "twig": early}, None]
    result = await by(
        "engine",
        "{ many { id ... on Leaf { twig { id } } } list one { id } }",
        {"many": leaves, "list": early, "one": late},
    )

    assert result.data == {"many": None, "list": None, "one": None}
    assert awaited == ["late"] * 7
    # A coroutine that was not awaited warns when it goes, and a warning is an error.
    gc.collect()


async def test_the_deepest_that_the_engine_takes_stays_clear_of_pythons_limit():
    """Lists of an interface, with a null in each, cost the most calls within each other."""

    def tree(inner, _level):
        return {"__typename": "Tree", "branches": [None, inner, {"__typename": "Leaf", "id": 2}]}

    def answer(inner, _level):
        return {"branches": [None, inner, {"id": 2}]}

    levels = 48
    text = "... on Leaf { id } ... on Tree { id branches {" * levels + "id" + "} }" * levels
    root = {"tree": reduce(tree, range(levels), {"__typename": "Leaf", "id": 1})}

    async def on_top_of(frames):
        return await (
            on_top_of(frames - 1) if frames else by("engine", f"{{ tree {{ ... on Node {{ {text} }} }} }}", root)
        )

    found = (await on_top_of(100)).data["tree"]
    for _ in range(levels):
        assert (found["branches"][0], found["branches"][2]) == (None, {"id": 2})
        found = found["branches"][1]
    assert found == {"id": 1}


def test_finding_places_costs_no_more_for_many_lists():
    class Counted(list):
        read = 0

        def __iter__(self):
            self.read += 1
            return super().__iter__()

    lengths = Counted([2, 0, 3] * 100)
    places = ElementPaths(ElementPaths(FieldPaths(RootPath(), "a", "Query"), [300]), lengths)

    found = [path_as_list(places.path(index)) for index in range(500)]

    assert found[:5] == [["a", 0, 0], ["a", 0, 1], ["a", 2, 0], ["a", 2, 1], ["a", 2, 2]]
    assert found[-1] == ["a", 299, 2]
    assert lengths.read == 1
