"""Fields of Query whose source can render their whole answer as JSON text, so that no value of it is touched in Python.

A resolver says so with `renderer(wanted)`, asked while planning: None, or a Rendering of just this selection. What a
rendering cannot say itself it leaves to the engine: holes in the text, each with the parents of one field, which are
resolved, completed and located as ever, all of a field at once.

Nothing is lost where it does not work out: a rendering that gives up, fails, or has a hole that null must not fill is
put aside, and the field is resolved as if there were none.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

import msgspec
from graphql.pyutils import Path

from engine.field_plans import FieldPlan
from engine.output_shapes import Kind
from engine.paths import ElementPaths, FieldPaths, Paths

# From a field to what it selects of an object type: has `fields`, plans by response key.
Select = Callable[[FieldPlan, Any], Any]
Arguments = Callable[["RequestedField"], Mapping[str, Any]]
"""The arguments of a field in this run, as its resolver would get them. Raises GraphQLError."""


@dataclass(eq=False)
class RequestedField:
    """A field as a document asks for it, under its response key. `fields` are what it selects, empty for a leaf."""

    key: str
    plan: FieldPlan
    fields: tuple["RequestedField", ...]

    @property
    def type_name(self) -> str:
        """Of the object that has the field."""
        return self.plan.parent.name

    @property
    def name(self) -> str:
        return self.plan.node.name.value

    @cached_property
    def arguments(self) -> frozenset[str]:
        """The names of the arguments that the document gives."""
        return frozenset(node.name.value for node in self.plan.node.arguments or ())

    def everything(self) -> Iterator["RequestedField"]:
        """This field and all below it."""
        yield self
        for one in self.fields:
            yield from one.everything()


@dataclass(frozen=True, slots=True)
class PathStep:
    """From a field into what it selects; `is_list` where that is one of many."""

    wanted: RequestedField
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """A field that is left to the engine. `path` leads to the object that it stands in, from the rendered field on."""

    wanted: RequestedField
    path: tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class Filling:
    """What one hole needs in one run: the `parents` of the field, and at which of the text's parts each answer goes.
    `lengths` says how long the lists on its path are, outermost first; it is asked where an error has to be located.
    """

    hole: Hole
    parents: Sequence[Any]
    places: Sequence[int]
    lengths: Callable[[], Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class RenderedText:
    """JSON text in parts, and who fills in those that are still empty."""

    parts: list[str]
    fillings: Sequence[Filling] = ()


class Rendering(Protocol):
    """Of one field with all that it selects, for every run and every caller."""

    def render(self, context: Any, arguments: Arguments) -> Awaitable[RenderedText | None]:
        """None gives up: the field is resolved instead. So does a GraphQLError, which its resolver will word; any other
        exception does too, and is logged.
        """
        ...


Renderer = Callable[[RequestedField], Rendering | None]


@dataclass(frozen=True, slots=True, eq=False)
class PlannedRendering:
    """A rendering with what a run has to know of it."""

    rendering: Rendering
    wanted: RequestedField
    coordinates: frozenset[str]


def plan_rendering(key: str, plan: FieldPlan, select: Select) -> PlannedRendering | None:
    """The field's rendering, if it has one for what is selected of it."""
    if plan.definition.renderer is None:
        return None
    wanted = _request_field(key, plan, select)
    rendering = None if wanted is None else plan.definition.renderer(wanted)
    if wanted is None or rendering is None:
        return None
    return PlannedRendering(rendering, wanted, frozenset(one.plan.coordinate for one in wanted.everything()))


def count_calls(renderings: Iterable[PlannedRendering]) -> Mapping[Any, int]:
    """How many fields there are for each list resolver, in an operation that has nothing else to resolve."""
    everything = chain.from_iterable(planned.wanted.everything() for planned in renderings)
    return Counter(one.plan.definition.list_resolver for one in everything)


def _request_field(key: str, plan: FieldPlan, select: Select) -> RequestedField | None:
    """None where it cannot be said beforehand: what is selected depends on the type that a value turns out to have."""
    out = plan.output
    if out.named_kind is Kind.ABSTRACT:
        return None
    if out.named_kind is Kind.LEAF:
        return RequestedField(key, plan, ())
    inner = [_request_field(name, one, select) for name, one in select(plan, out.named).fields.items()]
    known = tuple(one for one in inner if one is not None)
    return RequestedField(key, plan, known) if len(known) == len(inner) else None


class HolePaths:
    """Where a filling's values stand in the response. `root` is the rendered field's own place."""

    def __init__(self, filling: Filling, root: Paths) -> None:
        self._filling = filling
        self._root = root

    def path(self, index: int) -> Path | None:
        return self._paths.path(index)

    @cached_property
    def _paths(self) -> Paths:
        paths, lengths = self._root, iter(self._filling.lengths())
        for number, step in enumerate(self._filling.hole.path):
            if number:
                paths = FieldPaths(paths, step.wanted.key, step.wanted.type_name)
            if step.is_list:
                paths = ElementPaths(paths, next(lengths))
        wanted = self._filling.hole.wanted
        return FieldPaths(paths, wanted.key, wanted.type_name)


_encode_lines = msgspec.json.Encoder().encode_lines


def fill_holes(parts: list[str], filling: Filling, completed: Sequence[Any]) -> None:
    # JSON as we write it has no line breaks.
    texts = _encode_lines(completed).decode().split("\n")
    places = filling.places
    if isinstance(places, range):
        # Every hole of the text is this filling's.
        parts[places.start : places.stop : places.step] = texts[: len(places)]
        return
    for place, text in zip(places, texts, strict=False):
        parts[place] = text


def join_parts(parts: Sequence[str]) -> msgspec.Raw:
    return msgspec.Raw("".join(parts).encode())
