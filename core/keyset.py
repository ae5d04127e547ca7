"""Pages by key instead of by offset, so that pages stay stable while rows are added and removed."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class PageRequest(msgspec.Struct, frozen=True):
    """A request for `limit` rows after or before the given keys, which are not included. `backward` counts from the
    end.
    """

    limit: int
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None
    backward: bool = False


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Rows in the order of the list, and whether the list has more rows in the direction of the request."""

    rows: Sequence[T]
    has_more: bool


def cut_page(rows: Sequence[T], request: PageRequest) -> Page[T]:
    """Make a page from the `limit` + 1 rows of a statement, which are in the direction of the request."""
    kept = list(rows[: request.limit])
    return Page(kept[::-1] if request.backward else kept, len(rows) > request.limit)
