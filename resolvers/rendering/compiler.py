"""From what a document selects of a client to the statement that renders it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.records import AccountKey, ClientName
from engine.rendering import Arguments, Hole, PathStep, RequestedField
from resolvers.context import Context
from upstreams.erp.rendering.builder import Composer, Row
from upstreams.erp.rendering.reader import Texts
from upstreams.erp.rendering.sql_json import Json, hole, object_of
from upstreams.erp.rendering.statement import Statement


class Unrendered(Exception):
    """Something is selected that only a resolver can answer."""


Value = Callable[[Context, Arguments], Any]
"""What a parameter of the statement is in one run."""
Path = tuple[PathStep, ...]


Rows = Sequence[Texts]
"""What a statement answers: of each client the number, and then texts and keys."""


class Known(Protocol):
    """The parents of the holes of one field, in reading order; None where their number differs."""

    def parents(self, statement: Statement, rows: Rows, count: int) -> Sequence[Any] | None: ...


class Clients:
    """Each client that is answered."""

    def parents(self, statement: Statement, rows: Rows, count: int) -> Sequence[Any] | None:  # noqa: ARG002 - of any.
        return [ClientName(row[0]) for row in rows] if len(rows) == count else None


class Accounts:
    """Each account on one page of each client. `number` is the page's, once it is written."""

    def __init__(self) -> None:
        self.is_asked = False
        self.number = -1

    def parents(self, statement: Statement, rows: Rows, count: int) -> Sequence[Any] | None:
        keys = statement.keys_of(rows, self.number)
        return list(map(AccountKey, keys[::2], keys[1::2])) if len(keys) == 2 * count else None


@dataclass(frozen=True, slots=True)
class Place:
    """An object that is written: its row, and how the answer leads to it.

    `known` finds the parents of a resolver; None where they cannot be found.
    """

    row: Row
    path: Path
    known: Known | None = None

    def below(self, wanted: RequestedField) -> "Place":
        """A value that the object holds in one of its fields, read from the same row."""
        return Place(self.row, (*self.path, PathStep(wanted)), self.known)


Write = Callable[["Writing", RequestedField, Place], Json]
Fields = Mapping[str, Write]


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole, and the object that knows its parents; None for the outermost connection."""

    hole: Hole
    known: Known | None


class Writing:
    """What becomes of one selection: columns, parameters, holes."""

    def __init__(self) -> None:
        self.composer = Composer()
        self.openings: list[Opening] = []
        self._values: list[Value] = []

    def parameter(self, value: Value) -> int:
        """The name of a parameter with this value."""
        self._values.append(value)
        return len(self._values) - 1

    def values(self, statement: Statement) -> tuple[Value, ...]:
        """In the statement's order."""
        return tuple(self._values[name] for name in statement.parameters)  # type: ignore[call-overload]

    def unused(self, statement: Statement) -> tuple[Value, ...]:
        """Those that the statement needs nothing of. Their arguments may be wrong nevertheless."""
        return tuple(value for name, value in enumerate(self._values) if name not in statement.parameters)

    def object(self, wanted: RequestedField, fields: Fields, place: Place) -> Json:
        """What is selected of an object, as a JSON object. Raises Unrendered."""
        return object_of([(one.key, self._member(one, fields, place)) for one in wanted.fields])

    def hole(self, wanted: RequestedField, place: Place) -> Json:
        """Left to the field's own resolver. Raises Unrendered where the parents cannot be found."""
        if place.known is None:
            raise Unrendered(f"{wanted.name} of nobody")
        if isinstance(place.known, Accounts):
            place.known.is_asked = True
        return [self.left_open(wanted, place.path, place.known)]

    def left_open(self, wanted: RequestedField, path: Path, known: Known | None) -> str:
        """A new hole."""
        self.openings.append(Opening(Hole(wanted, path), known))
        return hole(len(self.openings) - 1)

    def _member(self, wanted: RequestedField, fields: Fields, place: Place) -> Json:
        if wanted.name == "__typename":
            return [f'"{wanted.type_name}"']
        write = fields.get(wanted.name)
        if write is None:
            raise Unrendered(f"{wanted.type_name}.{wanted.name}")
        return write(self, wanted, place)


def column(write: Callable[[str], Json], name: str) -> Write:
    """A field that is one column."""
    return lambda _writing, _wanted, place: write(place.row.column(name))


def by_resolver(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    """A field that is left to its own resolver."""
    return writing.hole(wanted, place)


def argument(wanted: RequestedField, name: str, then: Callable[[Any], Any]) -> Value:
    """A parameter made of an argument of the field, None where it is not given."""

    def value(_context: Context, arguments: Arguments) -> Any:
        return then(arguments(wanted).get(name))

    return value


def only(wanted: RequestedField, names: Sequence[str]) -> None:
    """Raises Unrendered where the document gives other arguments."""
    if not wanted.arguments.issubset(names):
        raise Unrendered(f"{wanted.name} with {sorted(wanted.arguments)}")
