"""Rendering of root fields: the field's source returns its whole answer as JSON text, without Python values.

A resolver declares `renderer(wanted)`. The plan calls it for a selection; it returns a Rendering of this selection, or
None. A rendering leaves holes in the text for fields that it cannot render. The engine resolves, completes and locates
each such field as usual, in one batch for all holes.

The field is resolved instead, as if there were no rendering, if the rendering:

- returns None,
- fails,
- has a hole whose null reaches beyond the hole.
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

# Function from a field and an object type to the field's selection. The selection has `fields`, plans by response key.
SelectFields = Callable[[FieldPlan, Any], Any]
Arguments = Callable[["RequestedField"], Mapping[str, Any]]
"""Gives the arguments of a field in this run, as its resolver would get them. Raises GraphQLError."""


@dataclass(eq=False)
class RequestedField:
    """A field that a document selects, with its response key. `fields` is its selection, empty for a leaf."""

    key: str
    plan: FieldPlan
    fields: tuple["RequestedField", ...]

    @property
    def type_name(self) -> str:
        """The name of the object type that has the field."""
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
    """Step of a path from a field into its value. `is_list` means: into one element of its list."""

    wanted: RequestedField
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """A field that the engine resolves. `path` leads from the rendered field to the object that has this field."""

    wanted: RequestedField
    path: tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class Filling:
    """The values of one hole in one run.

    - `parents` are the parents of the field.
    - `places` gives for each parent the index of the text part that takes its answer.
    - `lengths` gives the lengths of the lists on the path, outermost first. It is called only to locate an error.
    """

    hole: Hole
    parents: Sequence[Any]
    places: Sequence[int]
    lengths: Callable[[], Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class RenderedText:
    """JSON text in parts, with the fillings for the empty parts."""

    parts: list[str]
    fillings: Sequence[Filling] = ()


class Rendering(Protocol):
    """Rendering of one field with its selection, for every run and every caller."""

    def render(self, context: Any, arguments: Arguments) -> Awaitable[RenderedText | None]:
        """Render the field in one run. The field is resolved instead in these cases:

        - The result is None.
        - A GraphQLError is raised: the field's resolver will report it.
        - Another exception is raised: it is logged.
        """
        ...


class JointRendering(Rendering, Protocol):
    """A rendering that can answer several requests, which differ in the arguments of the rendered field only."""

    most_requests: int
    """The maximum of requests in one run; 1 if the selection cannot be rendered for several requests."""

    def joins(self, context: Any, arguments: Arguments) -> bool:
        """Whether a request with these arguments may run with others. May raise GraphQLError."""
        ...

    def render_together(self, context: Any, arguments: Sequence[Arguments]) -> Awaitable[list[RenderedText | None]]:
        """Like `render`, for each request. None for a request that has to run alone."""
        ...


Renderer = Callable[[RequestedField], Rendering | None]


@dataclass(frozen=True, slots=True, eq=False)
class PlannedRendering:
    """A rendering with its field and the coordinates of all fields in it."""

    rendering: Rendering
    wanted: RequestedField
    coordinates: frozenset[str]


def plan_rendering(key: str, plan: FieldPlan, select: SelectFields) -> PlannedRendering | None:
    """Return the field's rendering, if its renderer can render this selection."""
    if plan.definition.renderer is None:
        return None
    wanted = _request_field(key, plan, select)
    rendering = None if wanted is None else plan.definition.renderer(wanted)
    if wanted is None or rendering is None:
        return None
    return PlannedRendering(rendering, wanted, frozenset(one.plan.coordinate for one in wanted.everything()))


def count_calls(renderings: Iterable[PlannedRendering]) -> Mapping[Any, int]:
    """Count the fields of each list resolver, for an operation that is rendered whole."""
    everything = chain.from_iterable(planned.wanted.everything() for planned in renderings)
    return Counter(one.plan.definition.list_resolver for one in everything)


def _request_field(key: str, plan: FieldPlan, select: SelectFields) -> RequestedField | None:
    """Return None below an abstract type, because the selection depends on the type of the value."""
    out = plan.output
    if out.named_kind is Kind.ABSTRACT:
        return None
    if out.named_kind is Kind.LEAF:
        return RequestedField(key, plan, ())
    inner = [_request_field(name, one, select) for name, one in select(plan, out.named).fields.items()]
    known = tuple(one for one in inner if one is not None)
    return RequestedField(key, plan, known) if len(known) == len(inner) else None


class HolePaths:
    """Paths of a filling's values. `root` is the path of the rendered field."""

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
    # The encoder writes JSON without line breaks, so a line is one value.
    texts = _encode_lines(completed).decode().split("\n")
    places = filling.places
    if isinstance(places, range):
        # A range means that every hole of the text belongs to this filling.
        parts[places.start : places.stop : places.step] = texts[: len(places)]
        return
    for place, text in zip(places, texts, strict=False):
        parts[place] = text


def join_parts(parts: Sequence[str]) -> msgspec.Raw:
    return msgspec.Raw("".join(parts).encode())
