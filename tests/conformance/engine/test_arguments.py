"""Arguments of list resolvers are what graphql-core and Strawberry make of them, however often and with whatever
variables an operation is run.
"""

import enum
from typing import Any

import pytest
import strawberry
from graphql import OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values
from strawberry import UNSET, relay
from support.oracle import reference

from engine import Engine

pytestmark = pytest.mark.anyio


class Spelt(str):
    """A scalar that says how it was written."""

    __slots__ = ()


SPELT = strawberry.scalar(
    name="Spelt",
    serialize=str,
    parse_value=str,
    parse_literal=lambda node, variables=None: f"{node.kind} {variables}",
)


@strawberry.enum
class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


@strawberry.input
class Inner:
    number: int | None = UNSET
    name: str = "nobody"


@strawberry.input
class Outer:
    maybe: strawberry.Maybe[int | None]
    inner: Inner | None = UNSET
    number: int | None = UNSET
    node: relay.GlobalID | None = UNSET


@strawberry.input(one_of=True)
class OneOf:
    number: int | None = UNSET
    text: str | None = UNSET


def asked_for_all(function: Any) -> Any:
    """Let the engine ask it once for a level."""

    async def resolve(parents: Any, _context: Any, **arguments: Any) -> list[Any]:
        return [function(parent, **arguments) for parent in parents]

    function.list_resolver = resolve
    return strawberry.field(resolver=function)


@asked_for_all
def plain(root: strawberry.Parent[Any], n: int | None = UNSET, text: str | None = None, is_it: bool = True) -> str:  # noqa: FBT001, FBT002
    return repr((n, text, is_it))


@asked_for_all
def floating(root: strawberry.Parent[Any], amount: float | None = UNSET) -> str:
    return repr(amount)


@asked_for_all
def identity(root: strawberry.Parent[Any], id: strawberry.ID, node: relay.GlobalID | None = UNSET) -> str:  # noqa: A002 - GraphQL's word.
    return repr((id, node))


@asked_for_all
def listed(root: strawberry.Parent[Any], numbers: list[int] | None = UNSET, colour: Colour = Colour.RED) -> str:
    return repr((numbers, colour))


@asked_for_all
def spelt(root: strawberry.Parent[Any], text: Spelt | None = UNSET) -> str:
    return repr(text)


@asked_for_all
def maybe(
    root: strawberry.Parent[Any], text: strawberry.Maybe[str | None] = None, n: strawberry.Maybe[int] = None
) -> str:
    return repr((text, n))


@asked_for_all
def outer(root: strawberry.Parent[Any], outer: Outer | None = UNSET, by: OneOf | None = UNSET) -> str:
    return repr((outer, by))


@strawberry.type
class It:
    plain = plain
    floating = floating
    identity = identity
    listed = listed
    spelt = spelt
    maybe = maybe
    outer = outer


@strawberry.type
class Query:
    @strawberry.field
    def it(self) -> It:
        return It()


SCHEMA = strawberry.Schema(Query, scalar_overrides={Spelt: SPELT})
GLOBAL = "VXNlcjox"
CASES = [
    ("{ it { plain(n: 1, text: null) identity(id: 7) } }", [{}]),
    (
        "query ($n: Int, $text: String, $isIt: Boolean!) { it { plain(n: $n, text: $text, isIt: $isIt) } }",
        [{"isIt": True}, {"isIt": False, "n": 3}, {"isIt": True, "n": None, "text": ""}, {"isIt": False, "text": "x"}],
    ),
    ("query ($n: Int = 5) { it { plain(n: $n) } }", [{}, {"n": 6}, {"n": None}]),
    ("query ($amount: Float) { it { floating(amount: $amount) } }", [{"amount": 1}, {"amount": 1.5}, {}]),
    (
        "query ($id: ID!, $node: ID) { it { identity(id: $id, node: $node) } }",
        [{"id": "1"}, {"id": 2, "node": GLOBAL}, {"id": "3", "node": None}, {"id": "4", "node": "no id"}],
    ),
    (
        "query ($n: Int!, $colour: Colour) { it { listed(numbers: [1, $n], colour: $colour) } }",
        [{"n": 1}, {"n": 2, "colour": "BLUE"}, {"n": 3}],
    ),
    ("query ($numbers: [Int!]) { it { listed(numbers: $numbers) } }", [{"numbers": [1]}, {"numbers": 2}, {}]),
    ("query ($n: Int) { it { spelt(text: {here: $n}) } }", [{"n": 1}, {"n": 2}]),
    ("query ($n: Int) { it { spelt(text: [$n]) } }", [{"n": 1}, {"n": 2}]),
    ("query ($n: Int!) { it { maybe(n: $n) } }", [{"n": 1}]),
    (
        "query ($text: String, $n: Int) { it { maybe(text: $text, n: $n) } }",
        [{"text": "a", "n": 1}, {"text": None, "n": 2}, {}],
    ),
    (
        "query ($n: Int, $node: ID) { it { outer(outer: {number: $n, maybe: $n, node: $node}) } }",
        [{"n": 1, "node": GLOBAL}, {"n": 2}, {"n": None}, {}],
    ),
    ("query ($n: Int) { it { outer(outer: {number: $n}) } }", [{"n": 1}, {"n": 2}]),
    (
        "query ($n: Int, $name: String!) { it { outer(outer: {inner: {number: $n, name: $name}}) } }",
        [{"name": "a"}],
    ),
    ("query ($n: Int!) { it { outer(by: {number: $n}) } }", [{"n": 1}, {"n": 2}]),
    ("query ($text: String!) { it { outer(by: {text: $text}) } }", [{"text": "a"}, {"text": "b"}]),
]


@pytest.mark.parametrize("text, runs", CASES, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_list_resolver_gets_the_same_arguments_at_every_run(text, runs):
    core = SCHEMA._schema  # noqa: SLF001 - strawberry has no public name for it.
    document = parse(text)
    assert not validate(core, document)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    engine = Engine(core, SCHEMA)
    plan = engine.plan(document, operation)

    for variables in [*runs, *runs]:
        coerced = get_variable_values(core, operation.variable_definitions or (), variables)
        found = await engine.run(plan, coerced, None)
        expected = await reference(core, document, variables, None, None)

        assert found.data == expected.data, variables
        assert [error.message for error in found.errors] == [error.message for error in expected.errors or ()]
