"""Renderings, with a schema that has nothing to do with brokers: what becomes of holes, errors, nulls and refusals."""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import strawberry
from graphql import GraphQLError, OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values
from support.oracle import reference

from engine import Engine
from engine.rendering import Filling, Hole, PathStep, RenderedText, RequestedField

pytestmark = pytest.mark.anyio

BOOKS = [["Emma", "Persuasion"], [], ["Ulysses"]]
RENDERED = ("rendered", {"from_": 3})


class Log:
    """What was asked in a run; `answers` says what a field's resolver answers for a title."""

    def __init__(self, **answers: Callable[[str], Any]) -> None:
        self.calls: list[Any] = []
        self.answers = {"price": len, "year": len} | answers
        self.render: Callable[[], Any] = lambda: None


def for_all(name: str) -> Any:
    async def resolve(books: Any, context: Log, **arguments: Any) -> list[Any]:
        context.calls.append((name, [book["title"] for book in books]))
        return [context.answers[name](book["title"]) for book in books]

    async def wrapper(root: Any, info: strawberry.Info) -> Any:
        return context_answer(info.context, name, root["title"])

    wrapper.list_resolver = resolve
    wrapper.key = lambda book: book["title"]
    return wrapper


def context_answer(context: Log, name: str, title: str) -> Any:
    answer = context.answers[name](title)
    if isinstance(answer, Exception):
        raise answer
    return answer


class Shelves:
    """Renders `shelves { books { title price year } }`; prices and years are holes."""

    def __init__(self, wanted: RequestedField) -> None:
        self.wanted = wanted
        [self.books] = wanted.fields
        self.holes = [one for one in self.books.fields if one.name != "title"]

    async def render(self, context: Log, arguments: Any) -> RenderedText | None:
        context.calls.append(("rendered", dict(arguments(self.wanted))))
        if context.render() == "gives up":
            return None
        parts, places = [""], {one: [] for one in self.holes}
        for number, shelf in enumerate(BOOKS):
            parts[-1] += ("[" if not number else ",") + f'{{"{self.books.key}":['
            for position, title in enumerate(shelf):
                parts[-1] += "," if position else ""
                for index, one in enumerate(self.books.fields):
                    parts[-1] += ("{" if not index else ",") + f'"{one.key}":'
                    if one.name == "title":
                        parts[-1] += f'"{title}"'
                    else:
                        places[one].append(len(parts))
                        parts += ["", ""]
                parts[-1] += "}"
            parts[-1] += "]}"
        parts[-1] += "]"
        path = (PathStep(self.wanted, is_list=True), PathStep(self.books, is_list=True))
        parents = [{"title": title} for shelf in BOOKS for title in shelf]
        lengths = [[len(BOOKS)], [len(shelf) for shelf in BOOKS]]
        return RenderedText(
            parts, [Filling(Hole(one, path), parents, found, lambda: lengths) for one, found in places.items()]
        )


def renderer(wanted: RequestedField) -> Shelves | None:
    names = {one.name for books in wanted.fields for one in books.fields}
    return Shelves(wanted) if len(wanted.fields) == 1 and names <= {"title", "price", "year"} else None


def shelves_of(root: Any, info: strawberry.Info, from_: int = 0) -> Any:
    info.context.calls.append("resolved")
    return BOOKS


shelves_of.renderer = renderer


@strawberry.type
class Book:
    @strawberry.field
    def title(root: strawberry.Parent[Any]) -> str:  # noqa: N805
        return root["title"]

    price = strawberry.field(resolver=for_all("price"), graphql_type=int | None)
    year = strawberry.field(resolver=for_all("year"), graphql_type=int)
    other = strawberry.field(resolver=lambda: "other", graphql_type=str)


@strawberry.type
class Shelf:
    @strawberry.field
    def books(root: strawberry.Parent[Any]) -> list[Book | None]:  # noqa: N805
        return [{"title": title} for title in root]


@strawberry.type
class Query:
    shelves = strawberry.field(resolver=shelves_of, graphql_type=list[Shelf] | None)


SCHEMA = strawberry.Schema(Query)
CORE = SCHEMA._schema  # noqa: SLF001 - strawberry has no public name for it.
PRICES = "{ shelves(from_: 3) { books { name: title price } } }"


class Asked:
    """One operation on an engine of its own."""

    def __init__(self, text: str, hot_after: int = 0) -> None:
        self.document = parse(text)
        assert not validate(CORE, self.document)
        [self.operation] = [one for one in self.document.definitions if isinstance(one, OperationDefinitionNode)]
        self.engine = Engine(CORE, SCHEMA, hot_after=hot_after)
        self.plan = self.engine.plan(self.document, self.operation)

    async def run(self, log: Log, **options: Any) -> Any:
        variables = get_variable_values(CORE, self.operation.variable_definitions or (), {})
        return await self.engine.run(self.plan, variables, log, **options)

    async def expected(self, log: Log) -> Any:
        return await reference(CORE, self.document, {}, None, log)


def plain(data: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(data))


def told(errors: Any) -> list[Any]:
    return sorted((error.path, error.message, [place.line for place in error.locations]) for error in errors or ())


async def same(asked: Asked, log: Log, **answers: Any) -> Any:
    found, expected = await asked.run(log), await asked.expected(Log(**answers))
    assert plain(found.data) == expected.data
    assert told(found.errors) == told(expected.errors)
    return found


ALL = ["Emma", "Persuasion", "Ulysses"]


async def test_holes_are_filled_by_one_call_for_all():
    log = Log()
    await same(Asked(PRICES), log)
    assert log.calls == [RENDERED, ("price", ALL)]


def fails_for_persuasion(title: str) -> Any:
    return RuntimeError(f"no {title}") if title == "Persuasion" else 1


async def test_an_error_in_a_hole_stands_in_its_place():
    log = Log(price=fails_for_persuasion)
    found = await same(Asked(PRICES), log, price=fails_for_persuasion)
    assert [error.path for error in found.errors] == [["shelves", 0, "books", 1, "price"]]
    assert "resolved" not in log.calls


def none_for_persuasion(title: str) -> Any:
    return None if title == "Persuasion" else 1


@pytest.mark.parametrize("answer", [none_for_persuasion, fails_for_persuasion])
async def test_a_null_that_reaches_beyond_its_hole_is_left_to_the_resolvers(answer):
    log = Log(year=answer)
    found = await same(Asked(PRICES.replace("price", "price year")), log, year=answer)
    assert [error.path for error in found.errors] == [["shelves", 0, "books", 1, "year"]]
    assert "resolved" in log.calls


def raising(error: Exception) -> Callable[[], Any]:
    def render() -> Any:
        raise error

    return render


@pytest.mark.parametrize(
    "render, says",
    [(lambda: "gives up", []), (raising(GraphQLError("no")), []), (raising(KeyError("x")), ["Query.shelves"])],
)
async def test_an_operation_that_cannot_be_rendered_is_resolved_and_unexpected_errors_are_logged(render, says, caplog):
    log = Log()
    log.render = render
    with caplog.at_level(logging.WARNING):
        found = await same(Asked(PRICES), log)
    assert not found.errors
    assert log.calls == [RENDERED, "resolved", ("price", ALL)]
    assert [record.args[0] for record in caplog.records] == says


async def test_a_caller_who_may_not_have_a_field_of_it_gets_it_resolved():
    log, asked = Log(), Asked(PRICES)
    error = PermissionError("not for you")
    refused, whole = await asked.run(log, refused={"Book.price": error}), await asked.run(Log())
    assert log.calls == ["resolved"]
    assert {book["price"] for shelf in refused.data["shelves"] for book in shelf["books"]} == {None}
    assert {type(one.original_error) for one in refused.errors} == {PermissionError}
    assert not whole.errors


async def test_an_operation_is_rendered_after_enough_runs_unless_the_caller_objects():
    log, asked = Log(), Asked(PRICES, hot_after=2)
    answers = [plain((await asked.run(log)).data) for _ in range(3)]
    asking = [call for call in log.calls if call in ("resolved", RENDERED)]
    answers.append(plain((await asked.run(log, rendered=False)).data))
    assert asking == ["resolved", "resolved", RENDERED]
    assert log.calls[-2:] == ["resolved", ("price", ALL)]
    assert answers == [answers[0]] * 4


async def test_what_its_source_does_not_render_is_resolved():
    log = Log()
    await same(Asked(PRICES.replace("price", "other")), log)
    assert log.calls == ["resolved"]


async def test_two_places_that_ask_the_same_share_a_call():
    log = Log()
    await same(Asked("{ a: shelves { books { price } } b: shelves { books { title price } } }"), log)
    assert [call for call in log.calls if call[0] == "price"] == [("price", ALL)]


async def test_a_rendered_field_and_a_resolved_one_share_a_call_too():
    log = Log()
    await same(Asked("{ a: shelves { books { price } } b: shelves { books { other price } } }"), log)
    assert [call for call in log.calls if call[0] == "price"] == [("price", ALL)]
