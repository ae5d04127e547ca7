"""What other Strawberry schemas have and ours has not: the engine leaves nothing out that stands before a resolver."""

import ast
import asyncio
import enum
import functools
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import pytest
import strawberry
from graphql import parse, validate
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField
from support.oracle import assert_same, candidates, engines, reference

from engine import Engine
from engine.field_plans import Definitions, Source

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class Nobody(BasePermission):
    message = "nobody may"

    def has_permission(self, *_arguments: Any, **_named: Any) -> bool:
        return False


class Doubling(FieldExtension):
    async def resolve_async(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        return 2 * await next_(source, info, **kwargs)


class Loud(StrawberryField):
    """A custom field class, which changes each value."""

    def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        return f"{super().get_result(source, info, args, kwargs)}!"


def loudly() -> Any:
    return Loud(python_name=None)


def listed(answer: Any, returns: Any, **options: Any) -> Any:
    """A list resolver that says how many it was asked for."""

    async def resolve(parents: Any, context: Any, **arguments: Any) -> list[Any]:
        context.append(len(parents))
        return [answer(parent, **arguments) for parent in parents]

    async def wrapper(root: Any, info: strawberry.Info) -> Any:
        return (await resolve([root], info.context))[0]

    wrapper.list_resolver = resolve
    return strawberry.field(resolver=wrapper, graphql_type=returns, **options)


def echoing(kind: Any) -> Any:
    async def resolve(parents: Any, context: Any, value: Any) -> list[Any]:
        context.append(value)
        return [f"{type(value).__name__} {value}" for _ in parents]

    async def wrapper(root: Any, info: strawberry.Info, value: kind) -> str:
        return (await resolve([root], info.context, value))[0]

    wrapper.list_resolver = resolve
    return strawberry.field(resolver=wrapper)


@strawberry.enum(name="Shade")
class Shade(enum.Enum):
    DARK = strawberry.enum_value("d", name="darkest")
    LIGHT = "l"


@strawberry.input(one_of=True)
class Choice:
    number: int | None = strawberry.UNSET
    inner: Annotated["Choice", strawberry.lazy("test_strawberry")] | None = strawberry.UNSET


@strawberry.type
class Page(Generic[T]):
    items: list[T]
    total: int


class Record:
    """What stands behind a Thing: some of it comes later."""

    number = 5
    word = "word"
    loud = "loud"
    shade = Shade.DARK

    @property
    async def soon(self) -> int:
        await asyncio.sleep(0)
        return 7

    @property
    def text(self) -> Any:
        return self._text()

    async def _text(self) -> str:
        return "text"

    @property
    async def friend(self) -> "Record":
        return Record()

    @property
    async def broken(self) -> int:
        raise RuntimeError("too late")


@strawberry.type
class Thing:
    number: int
    shade: Shade
    soon: int
    text: JSON
    friend: Annotated["Thing", strawberry.lazy("test_strawberry")]
    broken: int | None
    loud: str = loudly()
    doubled: int = listed(lambda _: 21, int, extensions=[Doubling()])
    secret: int | None = listed(lambda _: 1, int | None, permission_classes=[Nobody])
    wrapped: int | None = listed(lambda _: 1, int | None)
    plain: int = listed(lambda _: 2, int)
    same: str = echoing(JSON)
    exact: str = echoing(Decimal)

    @strawberry.field
    def with_root(self, root: strawberry.Parent[Any]) -> int:
        return root.number

    @strawberry.field(permission_classes=[Nobody])
    def direct_secret(self) -> int | None:
        return 1

    @strawberry.field
    def chosen(self, choice: Choice | None = strawberry.UNSET, some_more: int = 4) -> str:
        return f"{choice!r} {some_more}"

    @strawberry.field
    def page(self) -> Page[int]:
        return Page(items=[1, 2], total=2)

    @strawberry.field
    @staticmethod
    def still() -> int:
        return 3


@strawberry.type
class Query:
    things: list[Thing] = strawberry.field(resolver=lambda: [Record(), Record()])
    thing: Thing = strawberry.field(resolver=Record)


SCHEMA = strawberry.Schema(query=Query, config=StrawberryConfig())
CORE = SCHEMA._schema  # noqa: SLF001 - strawberry offers no public way to graphql-core's.


def refused(resolve):
    @functools.wraps(resolve)
    def wrapper(*_arguments, **_named):
        raise RuntimeError("not through here")

    return wrapper


CORE.type_map["Thing"].fields["wrapped"].resolve = refused(CORE.type_map["Thing"].fields["wrapped"].resolve)


async def both(text):
    """The engine's answer, which graphql-core gives too, and what list resolvers were asked by the engine."""
    document, asked = parse(text), []
    assert validate(CORE, document) == []
    found = await engines(Engine(CORE, SCHEMA, hot_after=1), CORE, document, {}, None, asked)
    expected = await reference(CORE, document, {}, None, [])
    assert_same(found, expected, await candidates(CORE, document, {}, None, []), text)
    return found, asked


ANSWERS = [
    ("values read from attributes", "{ thing { number shade } }", {"number": 5, "shade": "darkest"}),
    ("attributes that come later", "{ thing { soon text number } }", {"soon": 7, "text": "text", "number": 5}),
    (
        "objects that come later",
        "{ thing { friend { soon friend { number } } } }",
        {"friend": {"soon": 7, "friend": {"number": 5}}},
    ),
    ("a field class of somebody's own", "{ thing { loud } }", {"loud": "loud!"}),
    ("an extension of a list resolver", "{ thing { doubled } }", {"doubled": 42}),
    (
        "a parent, and nobody",
        "{ thing { withRoot still page { items total } } }",
        {"withRoot": 5, "still": 3, "page": {"items": [1, 2], "total": 2}},
    ),
    (
        "one of several",
        "{ thing { chosen(choice: {inner: {number: 3}}, someMore: 9) } }",
        {"chosen": "Choice(number=UNSET, inner=Choice(number=3, inner=UNSET)) 9"},
    ),
    (
        "values that Python calls equal",
        "{ thing { a: same(value: 1) b: same(value: true) c: same(value: 1.0) } }",
        {"a": "int 1", "b": "bool True", "c": "float 1.0"},
    ),
    (
        "amounts that Python calls equal",
        '{ thing { a: exact(value: "1.0") b: exact(value: "1.00") } }',
        {"a": "Decimal 1.0", "b": "Decimal 1.00"},
    ),
]


@pytest.mark.parametrize("text,thing", [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
async def test_what_comes_out_is_what_the_resolvers_say(text, thing):
    found, _ = await both(text)

    assert found.data == {"thing": thing}
    assert found.errors == []


REFUSALS = [
    ("a permission of a list resolver", "secret", "nobody may"),
    ("a permission of a plain resolver", "directSecret", "nobody may"),
    ("whatever was wrapped around a resolver", "wrapped", "not through here"),
    ("an attribute that fails later", "broken", "too late"),
]


@pytest.mark.parametrize("name,message", [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
async def test_whatever_refuses_refuses_each_of_a_list(name, message):
    found, asked = await both(f"{{ things {{ {name} number }} }}")

    assert found.data == {"things": [{name: None, "number": 5}] * 2}
    assert {(*error.path, error.message) for error in found.errors} == {("things", n, name, message) for n in range(2)}
    assert asked == []


async def test_a_list_resolver_is_asked_once_for_all_where_nothing_stands_before_it():
    found, asked = await both("{ things { plain } }")

    assert found.data == {"things": [{"plain": 2}] * 2}
    assert asked == [2, 2, 2]


def test_what_stands_between_decides_how_a_field_is_asked():
    definitions = Definitions(plain_attributes=True, has_exception_handlers=False)
    sources = {name: definitions.of(field).source for name, field in CORE.type_map["Thing"].fields.items()}

    each = {"loud", "doubled", "secret", "directSecret", "wrapped", "chosen", "withRoot"}
    assert {name for name, source in sources.items() if source is Source.EACH} == each
    assert {name for name, source in sources.items() if source is Source.LIST} == {"plain", "same", "exact"}
    assert {name for name, source in sources.items() if source is Source.DIRECT} == {"page", "still"}


async def test_the_example_of_the_page_runs():
    page = (Path(__file__).parents[3] / "docs" / "engine.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    code = compile(example, "docs/engine.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    text = "query ($yes: Boolean!) { things { plain } no: __typename @skip(if: $yes) }"
    scope = {"schema": SCHEMA, "text": text, "raw": {"yes": True}, "context": []}

    await eval(code, scope)

    assert scope["outcome"].data == {"things": [{"plain": 2}] * 2}
    assert scope["context"] == [2]
