"""From what a document selects of a client to the statement that renders it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.rendering import Arguments, Hole, Step, Wanted
from resolvers.context import Context
from upstreams.texts.json import Json, hole, object_of
from upstreams.texts.statement import Composer, Row, Statement


class Unrendered(Exception):
    """Something is selected that only a resolver can answer."""


Value = Callable[[Context, Arguments], Any]
"""What a parameter of the statement is in one run."""
Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An object that is written: its row, and how the answer leads to it. `key` is SQL for what it is known by; empty
    where no resolver could be told whom it is about.
    """

    row: Row
    path: Path
    key: tuple[str, ...]

    def below(self, wanted: Wanted) -> "Place":
        """A value that the object holds in one of its fields, read from the same row."""
        return Place(self.row, (*self.path, Step(wanted)), self.key)


Write = Callable[["Writing", Wanted, Place], Json]
Fields = Mapping[str, Write]


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole, and by what its parents are known: SQL for the parts of a key."""

    hole: Hole
    key: tuple[str, ...]


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

    def object(self, wanted: Wanted, fields: Fields, place: Place) -> Json:
        """What is selected of an object, as a JSON object. Raises Unrendered."""
        return object_of([(one.key, self._member(one, fields, place)) for one in wanted.fields])

    def hole(self, wanted: Wanted, place: Place) -> Json:
        """Left to the field's own resolver, which is told by the place's key for whom."""
        if not place.key:
            raise Unrendered(f"{wanted.name} of nobody")
        return hole(self.left_open(wanted, place.path, place.key), place.key)

    def left_open(self, wanted: Wanted, path: Path, key: tuple[str, ...]) -> int:
        """The number of a new hole."""
        self.openings.append(Opening(Hole(wanted, path), key))
        return len(self.openings) - 1

    def _member(self, wanted: Wanted, fields: Fields, place: Place) -> Json:
        if wanted.name == "__typename":
            return [f'"{wanted.type_name}"']
        write = fields.get(wanted.name)
        if write is None:
            raise Unrendered(f"{wanted.type_name}.{wanted.name}")
        return write(self, wanted, place)


def column(write: Callable[[str], Json], name: str) -> Write:
    """A field that is one column."""
    return lambda _writing, _wanted, place: write(place.row.column(name))


def by_resolver(writing: Writing, wanted: Wanted, place: Place) -> Json:
    """A field that is left to its own resolver."""
    return writing.hole(wanted, place)


def argument(wanted: Wanted, name: str, then: Callable[[Any], Any]) -> Value:
    """A parameter made of an argument of the field, None where it is not given."""

    def value(_context: Context, arguments: Arguments) -> Any:
        return then(arguments(wanted).get(name))

    return value


def only(wanted: Wanted, names: Sequence[str]) -> None:
    """Raises Unrendered where the document gives other arguments."""
    if not wanted.arguments.issubset(names):
        raise Unrendered(f"{wanted.name} with {sorted(wanted.arguments)}")
