"""A statement that renders clients. Each client is a row with its number and one or more texts.

    WITH c AS (the clients), k AS (the accounting currency), w AS (web statuses), b AS (balances, by client)
    SELECT c.client_number, text, ... FROM c FULL JOIN w ... FULL JOIN b ... LEFT JOIN LATERAL (a page of accounts) ...

- Each relation is read once, by the clients' numbers. Accounts are read as a page for each client.
- Because no relation has a client that `c` lacks, a full join gives the rows of a left join. PostgreSQL never runs a
  full join by nested loops. It would choose nested loops for a left join, because it expects few clients, but many may
  come.
- The text of the statement has no value of a caller: the caller's visibility and every argument are parameters.
- Parameters of `c` and of pages are in sub-selects, so that PostgreSQL cannot use their values for estimates. The
  generic plan is then not worse than a custom plan, so that PostgreSQL soon caches it. A cached plan saves most of the
  cost of a small statement.
"""

import re
from collections.abc import Hashable, Iterable
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Final, Literal
from weakref import WeakValueDictionary

import asyncpg

from upstreams.erp.contract import VIEWS
from upstreams.erp.list_statements import Variant, order_of_page, page_statement
from upstreams.erp.rendering.sql_json import spelled
from upstreams.postgres.sql import moved, read_parts

_PARTS: Final = read_parts("erp/erp.sql")
SKELETON: Final = read_parts("erp/rendering/statement.sql")
_PARAMETER: Final = re.compile(r"\$(\d+)")
VISIBLE: Final = 2  # $1 and $2, core/visibility.py
_UNIT: Final = "\x1f"
Rows = Literal["clients", "accounts"]
# The client's number is a column of the client.
_OF_ACCOUNT: Final = ", ".join(
    f"a.{column}" for column in ("cursor_key", *VIEWS["trading_account"]) if column != "client_number"
)


class Spellings:
    """The text of a statement for each major version of PostgreSQL."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._by_major: dict[int, str] = {}

    def of(self, major: int) -> str:
        """The text for a major version; 0 for any version. It is always the same object, because a string object caches
        its hash.
        """
        found = self._by_major.get(major)
        if found is None:
            found = self._by_major[major] = spelled(self._sql, major)
        return found


@dataclass(frozen=True, eq=False)
class Statement:
    """`texts` for each client, over `relations`, followed by `keys` (see `keys_of`). `parameters` are the names of $3
    and the following. A statement is compared by identity, because a hash of such long texts costs as much as a small
    answer. `the_one` therefore makes equal statements one object.
    """

    client_columns: str
    relations: str
    joins: str
    texts: tuple[str, ...]
    keys: tuple[str, ...]
    parameters: tuple[Hashable, ...]

    @cached_property
    def forward(self) -> Spellings:
        """Pages of all clients, one after the other. The additional parameters are the numbers after which the pages
        begin, the numbers before which they end, and the length of all pages. The last column is the number of the
        page, from 1.
        """
        return self._pages("")

    @cached_property
    def backward(self) -> Spellings:
        """The same pages counted from the end, also in reading order."""
        return self._pages(" DESC")

    @cached_property
    def filtered_forward(self) -> Spellings:
        """One page of matching clients. The additional parameters are those of `matching_clients`, after, before and
        limit.
        """
        return self._page("")

    @cached_property
    def filtered_backward(self) -> Spellings:
        return self._page(" DESC")

    def listed(self, rows: Rows, variant: Variant) -> Spellings:
        """One page of lists.sql. The additional parameters are its own. A row is of a client, or of an account
        with its client. The last columns are the key of the row and of its cursor.
        """
        found = self._listed.get((rows, variant))
        if found is None:
            found = self._listed[rows, variant] = Spellings(
                SKELETON["listed"].format(
                    page=moved(page_statement(rows, variant), len(self.parameters), above=VISIBLE),
                    order=order_of_page(rows, variant),
                    rows=SKELETON[f"rows_of_{rows}"],
                    columns="c.*" if rows == "clients" else f"{_OF_ACCOUNT}, {self.client_columns}",
                    key="c.client_number" if rows == "clients" else "c.server, c.login",
                    **self._filled(),
                )
            )
        return found

    @cached_property
    def _listed(self) -> dict[tuple[Rows, Variant], Spellings]:
        return {}

    @cached_property
    def by_number(self) -> Spellings:
        """Clients by number. The additional parameter is their numbers."""
        [numbers] = self._own(1)
        return self._whole(f"c.client_number = ANY (ARRAY(SELECT unnest({numbers}::int[])))", "")

    def keys_of(self, rows: Iterable[asyncpg.Record], number: int) -> list[str]:
        """Server, login, server, login, ... of the accounts on the pages with this number, in the order of the text. If
        a name contains the separator, the list is too long.
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
    """The first of all equal statements. Equal selections in different documents therefore share its calls and its
    plan.
    """
    return _known.setdefault(astuple(statement), statement)
