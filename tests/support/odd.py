"""A schema that is odd on purpose: deep lists, interfaces, unions, recursion, null everywhere, resolvers of every form.

What a field's value is (right, null, nonsense, a failure) depends on the record, the field and the arguments alone, so
that any two executions of an operation over the same world see the same.
"""

import asyncio
import enum
import random
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

import strawberry
from graphql import (
    GraphQLEnumType,
    get_named_type,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry import UNSET
from strawberry.schema.config import StrawberryConfig
from strawberry.utils.str_converters import to_camel_case

from engine import by_class, freeze


class Broken(Exception):
    """What a failing resolver raises."""


class World:
    """`trouble` is how many of a hundred values are not as they should be; `failures` counts what was raised."""

    def __init__(self, seed: int, trouble: int) -> None:
        self.seed = seed
        self.trouble = trouble

    def value(self, record: "Record", field: str, arguments: Any = ()) -> Any:
        """The value of a field, or the exception that it fails with."""
        dice = random.Random(repr((self.seed, record.kind, record.number, field, arguments)))
        kind = core().type_map[record.kind].fields[field].type
        return self._of(kind, dice)

    def _of(self, kind: Any, dice: random.Random) -> Any:
        if dice.randrange(100) < self.trouble:
            return dice.choice([Broken(f"broken {dice.randrange(9)}"), None, None, "nonsense", dict])
        if is_non_null_type(kind):
            kind = kind.of_type
        elif dice.randrange(10) == 0:
            return None
        if is_list_type(kind):
            elements = [self._of(kind.of_type, dice) for _ in range(dice.choice([0, 1, 1, 2, 3]))]
            return dice.choice([list, list, tuple])(elements)
        if is_abstract_type(kind):
            kind = dice.choice(core().get_possible_types(kind))
        if is_object_type(kind):
            return RECORDS[kind.name](self, dice.randrange(6))
        if isinstance(kind, GraphQLEnumType):
            return dice.choice(list(Mood))
        return SCALARS[get_named_type(kind).name](dice)


SCALARS = {
    "Int": lambda dice: dice.choice([0, 1, -7, 2**31 - 1, 2**31, True]),
    "Float": lambda dice: dice.choice([0.5, 3, -1e300, float("nan"), True]),
    "String": lambda dice: dice.choice(["", "a", "שלום", 'q"\\', 5, True]),
    "ID": lambda dice: dice.choice(["x", 7, "0"]),
    "Boolean": lambda dice: dice.choice([True, False, 1]),
    "Decimal": lambda dice: dice.choice([Decimal("1.50"), Decimal("-0.00000001")]),
}


class Record:
    """An object of the schema."""

    kind: str

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number

    def __repr__(self) -> str:
        return f"{self.kind} {self.number}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return raised(self.world.value(self, to_camel_case(name)))


def raised(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def attempted(record: Any, field: str, arguments: Any = ()) -> Any:
    """A value as list resolvers give it: what fails is an exception among the answers."""
    try:
        return record.world.value(record, field, arguments)
    except AttributeError as error:
        return error


RECORDS = {name: type(name, (Record,), {"kind": name}) for name in ("Cat", "Dog", "Box", "Query", "Mutation")}


@strawberry.enum
class Mood(enum.Enum):
    CALM = "calm"
    WILD = "wild"


@strawberry.input
class Choice:
    most: int | None = UNSET
    moods: list[Mood] | None = UNSET
    inner: Annotated["Choice", strawberry.lazy("support.odd")] | None = UNSET


BoxType = Annotated["Box", strawberry.lazy("support.odd")]


def each(returns: Any, *, waits: bool = False) -> Any:
    """A resolver that is asked object by object, as Strawberry's are, with arguments."""

    def resolver(root: Any, info: strawberry.Info, most: int | None = 2, choice: Choice | None = UNSET) -> Any:
        return raised(root.world.value(root, info.field_name, (most, freeze(choice))))

    async def patient(root: Any, info: strawberry.Info, most: int | None = 2, choice: Choice | None = UNSET) -> Any:
        await asyncio.sleep(0)
        return resolver(root, info, most, choice)

    return strawberry.field(resolver=patient if waits else resolver, graphql_type=returns)


def direct(name: str, returns: Any) -> Any:
    """A resolver that takes nothing but its parent."""

    def resolver(root: Any) -> Any:
        return raised(root.world.value(root, name))

    return strawberry.field(resolver=resolver, graphql_type=returns)


def listed(name: str, returns: Any) -> Any:
    """A list resolver, in the reference's way one object at a time."""

    async def resolve(parents: Any, context: Any, most: int | None = 3, choice: Choice | None = UNSET) -> list[Any]:
        context.append((name, len(parents)))
        await asyncio.sleep(0)
        return [attempted(parent, name, (most, freeze(choice))) for parent in parents]

    async def wrapper(root: Any, info: strawberry.Info, most: int | None = 3, choice: Choice | None = UNSET) -> Any:
        [answer] = await resolve([root], info.context, most, choice)
        return raised(answer)

    wrapper.list_resolver = resolve
    wrapper.key = lambda record: (type(record), getattr(record, "number", None))
    return strawberry.field(resolver=wrapper, graphql_type=returns)


def column(name: str, returns: Any) -> Any:
    def wrapper(root: Any) -> Any:
        return raised(root.world.value(root, name))

    wrapper.column = lambda parents, _context: [attempted(parent, name) for parent in parents]
    return strawberry.field(resolver=wrapper, graphql_type=returns)


@strawberry.interface
class Being:
    id: strawberry.ID
    name: str | None
    friend: Annotated["Being", strawberry.lazy("support.odd")] | None = direct(
        "friend", Annotated["Being", strawberry.lazy("support.odd")] | None
    )
    foe: Annotated["Being", strawberry.lazy("support.odd")] = listed(
        "foe", Annotated["Being", strawberry.lazy("support.odd")]
    )


@strawberry.type
class Cat(Being):
    lives: int
    mood: Mood | None
    box: BoxType | None
    boxes: list[BoxType]
    grid: list[list[int]] | None
    deep: list[list[list[BoxType] | None]] | None = listed("deep", list[list[list[BoxType] | None]] | None)
    weight: float | None = column("weight", float | None)

    @classmethod
    @by_class
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return getattr(value.__class__, "kind", None) == "Cat"


@strawberry.type
class Dog(Being):
    tricks: list[str]
    good: bool | None
    mood: Mood
    owner: BoxType = each(BoxType, waits=True)
    boxes: list[BoxType | None] | None = each(list[BoxType | None] | None)

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        if value.__class__ is dict:
            raise Broken("cannot tell")
        return getattr(value, "kind", None) == "Dog"


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]


@strawberry.type
class Box:
    id: strawberry.ID
    size: Decimal | None
    label: str
    parent: BoxType | None = direct("parent", BoxType | None)
    pets: list[Pet | None] | None = listed("pets", list[Pet | None] | None)
    best: Pet = each(Pet)
    beings: list[Being] = each(list[Being], waits=True)
    score: int = listed("score", int)
    maybe: int | None = listed("maybe", int | None)
    tags: list[str | None] | None = column("tags", list[str | None] | None)
    moods: list[list[Mood] | None] | None


@strawberry.type
class Query:
    box: BoxType | None = each(BoxType | None)
    strict: BoxType = each(BoxType, waits=True)
    boxes: list[BoxType | None] | None = listed("boxes", list[BoxType | None] | None)
    pet: Pet | None = each(Pet | None, waits=True)
    being: Being | None = direct("being", Being | None)
    beings: list[Being] | None
    number: int
    count: int = listed("count", int)


@strawberry.type
class Mutation:
    touch: BoxType | None = each(BoxType | None, waits=True)
    strict_touch: int = each(int)
    pets: list[Pet] = listed("pets", list[Pet])


@cache
def odd() -> strawberry.Schema:
    decimal = strawberry.scalar(name="Decimal", serialize=str, parse_value=Decimal)
    config = StrawberryConfig(scalar_map={Decimal: decimal})
    return strawberry.Schema(query=Query, mutation=Mutation, types=[Cat, Dog], config=config)


def core() -> Any:
    return odd()._schema  # noqa: SLF001 - strawberry offers no public way to graphql-core's.


def root_of(world: World, kind: str = "Query") -> Record:
    return RECORDS[kind](world, 0)
