"""A statement that renders clients: a row for each, its number and then one or more texts.

    WITH c AS (the clients), k AS (the accounting currency), w AS (web statuses), b AS (balances, by client)
    SELECT c.client_number, text, ... FROM c FULL JOIN w ... FULL JOIN b ... LEFT JOIN LATERAL (a page of accounts) ...

Relations are asked by the clients' numbers, once each whatever is rendered of them; accounts a page for each client.
None of them has a client that `c` has not, so that a full join is a left one; but it is never done by nested loops,
which planners choose for the few clients that they expect, and which cost the square of the many that may come.
Nothing of a caller is in it: what is visible, and every argument, is a parameter.

Parameters of `c` and of pages stand in sub-selects, so that PostgreSQL cannot estimate by their values: its plan for
any values is then as good as one for these, and it soon keeps it, which saves most of what a small statement costs.
"""

import re
from collections.abc import Hashable, Iterable
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Final
from weakref import WeakValueDictionary

import asyncpg

from upstreams.erp.rendering.sql_json import spelled
from upstreams.postgres.sql import read_parts

_PARTS: Final = read_parts("erp/erp.sql")
SKELETON: Final = read_parts("erp/rendering/statement.sql")
_PARAMETER: Final = re.compile(r"\$(\d+)")
VISIBLE: Final = 2  # $1 and $2, core/visibility.py
_UNIT: Final = "\x1f"


class Spellings:
    """A statement as each version of PostgreSQL is asked it."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._by_major: dict[int, str] = {}

    def of(self, major: int) -> str:
        """For a major version, 0 for any: always the same object, whose hash is known."""
        found = self._by_major.get(major)
        if found is None:
            found = self._by_major[major] = spelled(self._sql, major)
        return found


@dataclass(frozen=True, eq=False)
class Statement:
    """`texts` for each client, over `relations`, and behind them `keys` (see `keys_of`); `parameters` are the names of
    $3 and the following. Equal to itself alone: to hash texts as long as these for each look-up would cost as much as a
    small answer. So there is only one of each (`the_one`).
    """

    client_columns: str
    relations: str
    joins: str
    texts: tuple[str, ...]
    keys: tuple[str, ...]
    parameters: tuple[Hashable, ...]

    @cached_property
    def forward(self) -> Spellings:
        """Pages of all clients, one after the other; its own parameters are what each begins after, before what it
        ends, and how long all of them are. Behind the texts stands the number of the page, from 1.
        """
        return self._pages("")

    @cached_property
    def backward(self) -> Spellings:
        """The same pages counted from the end, in reading order all the same."""
        return self._pages(" DESC")

    @cached_property
    def filtered_forward(self) -> Spellings:
        """One page of some clients; its own parameters are the eleven of `matching_clients`, after, before, limit."""
        return self._page("")

    @cached_property
    def filtered_backward(self) -> Spellings:
        return self._page(" DESC")

    @cached_property
    def by_number(self) -> Spellings:
        """Some clients; its own parameter is their numbers."""
        [numbers] = self._own(1)
        return self._whole(f"c.client_number = ANY (ARRAY(SELECT unnest({numbers}::int[])))", "")

    def keys_of(self, rows: Iterable[asyncpg.Record], number: int) -> list[str]:
        """Server, login, server, login, ... of the accounts on these rows' pages with this number, in reading order.
        There are too many where one of them holds what separates them.
        """
        column = 1 + len(self.texts) + number
        keys = _UNIT.join([row[column] for row in rows if row[column] is not None])
        return keys.split(_UNIT) if keys else []

    def _pages(self, direction: str) -> Spellings:
        after, before, limit = self._own(3)
        own = {"after": after, "before": before, "limit": limit, "direction": direction}
        return Spellings(SKELETON["pages"].format(**own, **self._filled()))

    def _page(self, direction: str) -> Spellings:
        matching = _PARTS["matching_clients"]
        count = len(set(_PARAMETER.findall(matching)))
        after, before, limit = self._own(count + 3)[count:]
        bounds = f"c.client_number > (SELECT {after}::bigint) AND c.client_number < (SELECT {before}::bigint)"
        condition = f"{bounds} AND {moved(matching, len(self.parameters))}"
        return self._whole(condition, f" ORDER BY c.client_number{direction} LIMIT (SELECT {limit}::int)")

    def _own(self, count: int) -> list[str]:
        first = len(self.parameters) + VISIBLE + 1
        return [f"${number}" for number in range(first, first + count)]

    def _whole(self, condition: str, page: str) -> Spellings:
        return Spellings(SKELETON["whole"].format(condition=condition, page=page, **self._filled()))

    def _filled(self) -> dict[str, str]:
        return {
            "client_columns": self.client_columns,
            "visible": _PARTS["visible"],
            "relations": self.relations,
            "texts": ", ".join(("c.client_number", *self.texts, *self.keys)),
            "joins": self.joins,
        }


_known: WeakValueDictionary[tuple[Hashable, ...], Statement] = WeakValueDictionary()


def the_one(statement: Statement) -> Statement:
    """Of all equal statements the first: whoever asks the same, in whatever document, shares its calls and its plan."""
    return _known.setdefault(astuple(statement), statement)


def moved(part: str, by: int) -> str:
    """A part of erp.sql whose parameters begin further back."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", part)
