"""Where values stand in the response. Nothing is computed until an error needs its path."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Protocol

from graphql.pyutils import Path

Segment = str | int


class Paths(Protocol):
    """The places of a batch of values, by their index in the batch."""

    def path(self, index: int) -> Path | None: ...


class RootPath:
    """The one place that has no name."""

    def path(self, index: int) -> Path | None:  # noqa: ARG002 - there is but one.
        return None


class FieldPaths:
    """The values of one field of each object of a batch."""

    def __init__(self, outer: Paths, name: str, type_name: str) -> None:
        self._outer = outer
        self._name = name
        self._type_name = type_name

    def path(self, index: int) -> Path | None:
        return Path(self._outer.path(index), self._name, self._type_name)


class ElementPaths:
    """The elements of lists, laid end to end."""

    def __init__(self, outer: Paths, lengths: Sequence[int]) -> None:
        self._outer = outer
        self._lengths = lengths

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(self._lengths))

    def path(self, index: int) -> Path | None:
        which = bisect_right(self._ends, index)
        return Path(self._outer.path(which), index - (self._ends[which] - self._lengths[which]), None)


class SubsetPaths:
    """A choice of another batch's values."""

    def __init__(self, outer: Paths, chosen: Sequence[int]) -> None:
        self._outer = outer
        self._chosen = chosen

    def path(self, index: int) -> Path | None:
        return self._outer.path(self._chosen[index])


def path_as_list(path: Path | None) -> list[Segment]:
    """A path as it stands in errors."""
    return [] if path is None else path.as_list()
