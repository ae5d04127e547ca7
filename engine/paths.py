"""Response paths of batches of values. A path is computed only when an error needs it."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Protocol

from graphql.pyutils import Path

Segment = str | int


class Paths(Protocol):
    """Paths of a batch of values, by their index in the batch."""

    def path(self, index: int) -> Path | None: ...


class RootPath:
    """Path of the operation's root."""

    def path(self, index: int) -> Path | None:  # noqa: ARG002 - there is only one root.
        return None


class FieldPaths:
    """Paths of one field's values, one for each object of a batch."""

    def __init__(self, outer: Paths, name: str, type_name: str) -> None:
        self._outer = outer
        self._name = name
        self._type_name = type_name

    def path(self, index: int) -> Path | None:
        return Path(self._outer.path(index), self._name, self._type_name)


class ElementPaths:
    """Paths of the elements of flattened lists."""

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
    """Paths of a subset of another batch."""

    def __init__(self, outer: Paths, chosen: Sequence[int]) -> None:
        self._outer = outer
        self._chosen = chosen

    def path(self, index: int) -> Path | None:
        return self._outer.path(self._chosen[index])


def path_as_list(path: Path | None) -> list[Segment]:
    """Return a path as errors show it."""
    return [] if path is None else path.as_list()
