"""Several requests in one run, with a schema that has nothing to do with brokers: each gets its own answer."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
import strawberry
from graphql import OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values
from support.polling import until

from engine import Engine, JointSources, joins_requests
from engine.rendering import Arguments, Filling, Hole, PathStep, RenderedText, RequestedField

pytestmark = pytest.mark.anyio

SLOW = {"Ulysses"}
SHELVES = {1: ["Emma", "Persuasion"], 2: [], 3: ["Ulysses"], 4: ["Emma"]}


class Log:
    """The calls of a run; `answers` gives the answer of a field for a title."""

    def __init__(self, **answers: Callable[[str], Any]) -> None:
        self.calls: list[Any] = []
        self.answers = {"price": len, "year": len} | answers
        self.slow: asyncio.Event | None = None
        self.cancelled = 0
        # Whether one call to a source may be for several requests.
        self.is_joint = True


def for_all(name: str) -> Any:
    @joins_requests(JointSources(lambda book: book["title"] in SLOW, lambda _source, context: context.is_joint))
    async def resolve(books: Any, context: Log, **arguments: Any) -> list[Any]:
        titles = [book["title"] for book in books]
        context.calls.append((name, titles, arguments))
        if context.slow is not None and SLOW.intersection(titles):
            try:
                await context.slow.wait()
            except asyncio.CancelledError:
                context.cancelled += 1
                raise
        return [context.answers[name](title) for title in titles]

    async def wrapper(root: Any, info: strawberry.Info, least: list[int] | None = None) -> Any:
        raise AssertionError("the engine calls the list resolver")

    wrapper.list_resolver = resolve
    return wrapper


class ShelfRendering:
    """Renders `shelf(number:) { books { title price year } }`; prices and years are holes."""

    most_requests = 4

    def __init__(self, wanted: RequestedField) -> None:
        self.wanted = wanted
        [self.books] = wanted.fields
        path = (PathStep(wanted), PathStep(self.books, is_list=True))
        self.holes = [Hole(one, path) for one in self.books.fields if one.name != "title"]

    def joins(self, _context: Log, arguments: Arguments) -> bool:
        return arguments(self.wanted)["number"] > 0

    async def render(self, context: Log, arguments: Arguments) -> RenderedText | None:
        [text] = await self.render_together(context, [arguments])
        return text

    async def render_together(self, context: Log, arguments: Sequence[Arguments]) -> list[RenderedText | None]:
        numbers = [one(self.wanted)["number"] for one in arguments]
        context.calls.append(("rendered", numbers))
        return [self.text(SHELVES[number]) if number in SHELVES else None for number in numbers]

    def text(self, titles: list[str]) -> RenderedText:
        parts, places = [f'{{"{self.books.key}":['], {id(hole): [] for hole in self.holes}
        for position, title in enumerate(titles):
            parts[-1] += ("," if position else "") + f'{{"title":"{title}"'
            for hole in self.holes:
                parts[-1] += f',"{hole.wanted.key}":'
                places[id(hole)].append(len(parts))
                parts += ["", ""]
            parts[-1] += "}"
        parts[-1] += "]}"
        parents = [{"title": title} for title in titles]
        fillings = [Filling(hole, parents, places[id(hole)], lambda: [[len(titles)]]) for hole in self.holes]
        return RenderedText(parts, fillings if titles else [])


@strawberry.type
class Book:
    title: str
    price = strawberry.field(resolver=for_all("price"), graphql_type=int | None)
    year = strawberry.field(resolver=for_all("year"), graphql_type=int)


@strawberry.type
class Shelf:
    books: list[Book]


def shelf_of(info: strawberry.Info, number: int) -> Any:
    raise AssertionError("the field is rendered")


shelf_of.renderer = ShelfRendering


@strawberry.type
class Query:
    shelf = strawberry.field(resolver=shelf_of, graphql_type=Shelf | None)


SCHEMA = strawberry.Schema(Query)
CORE = SCHEMA._schema  # noqa: SLF001 - strawberry has no public name for it.
BOTH = "query ($number: Int!) { shelf(number: $number) { books { title price year } } }"
PRICES = "query ($number: Int!) { found: shelf(number: $number) { books { title costs: price } } }"


class Asked:
    """One operation on an engine of its own, with its rendering planned."""

    def __init__(self, text: str = BOTH) -> None:
        self.document = parse(text)
        assert not validate(CORE, self.document)
        [self.operation] = [one for one in self.document.definitions if isinstance(one, OperationDefinitionNode)]
        self.engine = Engine(CORE, SCHEMA, hot_after=0)
        self.plan = self.engine.plan(self.document, self.operation)

    def variables(self, number: int, **others: Any) -> Any:
        return get_variable_values(CORE, self.operation.variable_definitions or (), {"number": number, **others})

    async def alone(self, number: int, log: Log) -> Any:
        return await self.engine.run(self.plan, self.variables(number), log)

    def variant(self) -> Any:
        variant = self.plan.variant(self.variables(1))
        variant.warm_up()
        return variant

    async def run(self, variables: Sequence[Any], log: Log, deliver: Callable[[int, Any], object]) -> None:
        variant = self.variant()
        await self.engine.run_together(self.plan, variant, variant.joint, variables, log, deliver)

    async def together(self, numbers: Sequence[int], log: Log) -> list[Any]:
        variables = [self.variables(number) for number in numbers]
        found: dict[int, Any] = {}
        await self.run(variables, log, found.__setitem__)
        return [found[index] for index in range(len(numbers))]


def shown(outcome: Any) -> Any:
    errors = sorted((error.path, error.message, [place.line for place in error.locations]) for error in outcome.errors)
    return msgspec.json.decode(msgspec.json.encode(outcome.data)), errors


async def as_alone(asked: Asked, numbers: Sequence[int], **answers: Callable[[str], Any]) -> list[Any]:
    found = await asked.together(numbers, Log(**answers))
    for number, outcome in zip(numbers, found, strict=True):
        assert shown(outcome) == shown(await asked.alone(number, Log(**answers)))
    return found


def fails_for(title: str) -> Callable[[str], Any]:
    return lambda asked: ValueError(f"no {asked}") if asked == title else len(asked)


@pytest.mark.parametrize("numbers", [[3, 1, 2, 1, 4], [4, 1, 4]], ids=["of two sources", "of one source"])
@pytest.mark.parametrize("text", [BOTH, PRICES])
async def test_each_request_gets_its_own_answer(text, numbers):
    await as_alone(Asked(text), numbers)


async def test_the_work_is_done_once_for_all():
    log = Log()

    await Asked(PRICES).together([1, 2, 4], log)

    assert log.calls == [("rendered", [1, 2, 4]), ("price", ["Emma", "Persuasion", "Emma"], {"least": None})]


async def test_a_request_does_not_wait_for_a_source_that_it_does_not_ask():
    asked, log, found, slow = Asked(PRICES), Log(), [], asyncio.Event()
    log.slow = slow

    def deliver(number: int, outcome: Any) -> None:
        found.append((number, shown(outcome)))

    variables = [asked.variables(number) for number in (3, 1, 2, 4)]
    running = asyncio.create_task(asked.run(variables, log, deliver))
    await until(lambda: len(found) == 3)
    before = sorted(number for number, _ in found)
    slow.set()
    await running

    assert before == [1, 2, 3]
    assert [number for number, _ in found[3:]] == [0]
    assert found[3][1] == shown(await asked.alone(3, log))
    assert [call[1] for call in log.calls if call[0] == "price"][:2] == [["Ulysses"], ["Emma", "Persuasion", "Emma"]]


async def test_the_calls_of_a_run_that_is_cancelled_are_cancelled():
    asked, log = Asked(PRICES), Log()
    log.slow = asyncio.Event()
    variables = [asked.variables(number) for number in (3, 1)]
    running = asyncio.create_task(asked.run(variables, log, print))
    await until(lambda: len(log.calls) == 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)

    assert log.cancelled == 1


async def test_an_error_stands_in_its_place_in_its_own_request():
    found = await as_alone(Asked(), [3, 1, 4, 1], price=fails_for("Persuasion"))

    assert [[error.path for error in outcome.errors] for outcome in found] == [
        [],
        [["shelf", "books", 1, "price"]],
        [],
        [["shelf", "books", 1, "price"]],
    ]


async def test_an_error_of_all_is_told_to_each():
    def fails(_title: str) -> Any:
        raise ValueError("down")

    found = await as_alone(Asked(), [1, 3], price=fails)

    assert [len(outcome.errors) for outcome in found] == [2, 1]


async def test_a_null_that_reaches_beyond_its_hole_leaves_only_its_request_to_a_run_of_its_own():
    found = await Asked().together([3, 1, 4], Log(year=fails_for("Persuasion")))

    assert [outcome is None for outcome in found] == [False, True, False]
    assert [outcome.errors for outcome in found if outcome] == [[], []]


async def test_what_is_not_rendered_runs_alone():
    found = await Asked().together([1, 99, 3], Log())

    assert [outcome is None for outcome in found] == [False, True, False]


async def test_a_source_that_answers_one_request_at_a_time_gets_a_call_from_each():
    log = Log()
    log.is_joint = False

    await Asked(PRICES).together([1, 4, 2], log)

    assert [call[1] for call in log.calls if call[0] == "price"] == [["Emma", "Persuasion"], ["Emma"]]


@pytest.mark.parametrize(
    "text, inner",
    [
        (BOTH, ()),
        (
            "query ($number: Int!, $a: Int!) { shelf(number: $number) { books { title price(least: [1, $a]) } } }",
            ("a",),
        ),
        (
            """query ($number: Int!, $a: [Int!], $b: [Int!]) { shelf(number: $number) { books { ...Some } } }
            fragment Some on Book { title price(least: $a) year(least: $b) }""",
            ("a", "b"),
        ),
    ],
)
def test_the_variables_below_the_root_field_are_those_that_requests_must_share(text, inner):
    document = Asked(text)
    variant = document.plan.variant(document.variables(1, a=2, b=[3]) if inner != ("a", "b") else document.variables(1))
    variant.warm_up()

    assert variant.joint.inner_variables == inner


@pytest.mark.parametrize("number, joins", [(1, True), (-1, False)])
def test_the_rendering_decides_by_the_arguments_of_its_field(number, joins):
    asked = Asked()

    assert asked.engine.joins(asked.plan, asked.variant().joint, asked.variables(number), Log()) is joins


@pytest.mark.parametrize("text", ["{ __typename }", "{ a: shelf(number: 1) { books { title } } b: __typename }"])
def test_an_operation_that_is_not_one_rendered_field_joins_no_other(text):
    asked = Asked(text)
    variant = asked.plan.variant(get_variable_values(CORE, (), {}))
    variant.warm_up()

    assert variant.joint is None
