"""Where values stand in the response. Nothing is computed until an error needs its path."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

Step = str | int


class Where(Protocol):
    """The places of a batch of values, by their index in the batch."""

    def path(self, index: int) -> list[Step]: ...


class Root:
    """The one place that has no name."""

    def path(self, index: int) -> list[Step]:  # noqa: ARG002 - there is but one.
        return []


class Below:
    """The values of one field of each object of a batch."""

    def __init__(self, outer: Where, name: str) -> None:
        self._outer = outer
        self._name = name

    def path(self, index: int) -> list[Step]:
        return [*self._outer.path(index), self._name]


class Within:
    """The elements of lists, laid end to end."""

    def __init__(self, outer: Where, lengths: Sequence[int]) -> None:
        self._outer = outer
        self._lengths = lengths

    def path(self, index: int) -> list[Step]:
        ends = list(accumulate(self._lengths))
        which = bisect_right(ends, index)
        return [*self._outer.path(which), index - (ends[which] - self._lengths[which])]


class Some:
    """A choice of another batch's values."""

    def __init__(self, outer: Where, chosen: Sequence[int]) -> None:
        self._outer = outer
        self._chosen = chosen

    def path(self, index: int) -> list[Step]:
        return self._outer.path(self._chosen[index])
