"""Rendering of fields by PostgreSQL, declared at the field itself, and the compiler from a selection to a statement.

    login: str = field("The account's number on its server.", column(sql.text, "login"))

Each field of a type that can be rendered has one of these declarations:

- `column(render, *names)`: JSON that `render` makes of columns of the object's row. `sql` has these functions.
- `rendered(render)`: JSON that `render` makes of the field's selection and place.
- `INNER`: an object with columns of the same row.
- `BY_RESOLVER`: a hole in the text. The field's own resolver fills it.
- `UNRENDERED`: an operation that selects the field is not rendered at all.

A rendering computes in SQL the value that the field's resolver computes in Python.
tests/conformance/engine/test_rendered.py compares both values. tests/unit/resolvers/fields/test_declarations.py names
each field without a declaration.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from core.records import AccountKey, ClientName
from engine.rendering import Arguments, Hole, PathStep, RequestedField
from resolvers.context import Context
from upstreams.erp.rendering import AccountPage, Json, Row, Statement, StatementBuilder, Texts, sql

__all__ = ["AccountPage", "Json", "Row", "Statement", "Texts", "sql"]


class Unrendered(Exception):
    """The selection has a field that only a resolver can answer."""


Value = Callable[[Context, Arguments], Any]
"""The value of a parameter of the statement in one run."""
Path = tuple[PathStep, ...]


class Clients:
    """The parents of the holes of one field are the clients of the answer."""

    def parents(self, statement: Statement, rows: Sequence[Texts], count: int) -> Sequence[Any] | None:  # noqa: ARG002 - of any.
        return [ClientName(row[0]) for row in rows] if len(rows) == count else None


class Accounts:
    """The parents of the holes of one field are the accounts on one page of each client. `number` is the number of the
    page, which is set when the page is compiled.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.number = -1

    def parents(self, statement: Statement, rows: Sequence[Texts], count: int) -> Sequence[Any] | None:
        keys = statement.keys_of(rows, self.number)
        return list(map(AccountKey, keys[::2], keys[1::2])) if len(keys) == 2 * count else None


Known = Clients | Accounts
"""Returns the parents in the order of the text; None if there are not as many parents as holes."""


@dataclass(frozen=True, slots=True)
class Place:
    """An object of the answer: its row, and the path to it.

    `known` finds the parents for a resolver; None if the parents cannot be found.
    """

    row: Any
    """The columns of the row. The columns of a connection are the fields of PageInfo as JSON; the methods `elements`
    and `total_count` of a connection render the fields with these names.
    """
    path: Path
    known: Known | None = None

    def below(self, wanted: RequestedField) -> "Place":
        """An object in one of the fields, with columns of the same row."""
        return Place(self.row, (*self.path, PathStep(wanted)), self.known)


Render = Callable[["Compilation", RequestedField, Place], Json]
Declaration = Mapping[str, Render | None]
RENDERING: Final = "rendering"


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole, and the object that finds its parents; None for the outermost connection."""

    hole: Hole
    known: Known | None


class Compilation:
    """Compiles one selection to the statement's columns, parameters and holes."""

    def __init__(self) -> None:
        self.builder = StatementBuilder()
        self.openings: list[Opening] = []
        self._values: list[Value] = []

    def parameter(self, value: Value) -> int:
        """The name of a parameter with this value."""
        self._values.append(value)
        return len(self._values) - 1

    def values(self, statement: Statement) -> tuple[Value, ...]:
        """The values of the statement's parameters, in its order."""
        return tuple(self._values[name] for name in statement.parameters)  # type: ignore[call-overload]

    def unused(self, statement: Statement) -> tuple[Value, ...]:
        """The values that the statement does not read. Their arguments are checked too, because they may be wrong."""
        return tuple(value for name, value in enumerate(self._values) if name not in statement.parameters)

    def object(self, wanted: RequestedField, place: Place) -> Json:
        """The selection of an object, as a JSON object. Raises Unrendered."""
        return sql.object_of([(one.key, self._member(one, place)) for one in wanted.fields])

    def hole(self, wanted: RequestedField, path: Path, known: Known | None) -> str:
        """A new hole."""
        self.openings.append(Opening(Hole(wanted, path), known))
        return sql.hole(len(self.openings) - 1)

    def _member(self, wanted: RequestedField, place: Place) -> Json:
        if wanted.name == "__typename":
            return [f'"{wanted.type_name}"']
        render = wanted.plan.definition.strawberry.metadata.get(RENDERING)
        if render is None:
            raise Unrendered(wanted.plan.coordinate)
        json: Json = render(self, wanted, place)
        return json


def rendered(render: Render) -> Declaration:
    return {RENDERING: render}


def column(render: Callable[..., Json], *names: str) -> Declaration:
    return rendered(lambda _compilation, _wanted, place: render(*map(place.row.column, names)))


def _hole(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    """Raises Unrendered if the parents cannot be found."""
    if place.known is None:
        raise Unrendered(wanted.plan.coordinate)
    if isinstance(place.known, Accounts):
        place.known.is_asked = True
    return [compilation.hole(wanted, place.path, place.known)]


INNER: Final = rendered(lambda compilation, wanted, place: compilation.object(wanted, place.below(wanted)))
BY_RESOLVER: Final = rendered(_hole)
UNRENDERED: Final[Declaration] = {RENDERING: None}


def coded(otherwise: Enum) -> Callable[[str], Json]:
    """Renders a column of codes as the names of enum members."""
    names = {member.value: member.name for member in type(otherwise) if member is not otherwise}
    return lambda code: sql.coded(code, names, otherwise.name)


def coded_text(texts: Mapping[Any, str], otherwise: Enum) -> Callable[[str, str], Json]:
    """Renders a column of texts. A missing text is replaced by the text for the code."""
    by_code = {member.value: text for member, text in texts.items() if member is not otherwise}
    return lambda text, code: sql.text_or_coded(text, code, by_code, texts[otherwise])


def argument(wanted: RequestedField, name: str, then: Callable[[Any], Any]) -> Value:
    """A parameter that `then` makes from an argument of the field; None for a missing argument."""
    return lambda _context, arguments: then(arguments(wanted).get(name))
