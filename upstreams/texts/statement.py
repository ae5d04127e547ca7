"""Puts a statement together that renders clients: a row for each, its number and then one or more texts.

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
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import asyncpg

from upstreams.sql import read_parts
from upstreams.texts.json import Json, Sql, given_up, places_of, spelled

_PARTS: Final = read_parts("erp.sql")
_SKELETON: Final = read_parts("texts/statement.sql")
_PARAMETER: Final = re.compile(r"\$(\d+)")
_VISIBLE: Final = 2  # $1 and $2, upstreams/visibility.py
_UNIT: Final = "\x1f"


class Row:
    """The columns of a view that are read."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._columns: dict[str, None] = {}

    def column(self, name: str) -> str:
        self._columns[name] = None
        return f"{self.alias}.{name}"

    def read(self, *always: str) -> str:
        """What is selected from the view, under the same alias."""
        return ", ".join(f"{self.alias}.{name}" for name in dict.fromkeys((*always, *self._columns)))


Body = Callable[[Row], Json]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Names of parameters: how many accounts, which (seven, as AccountQuery gives them; none for all), and between
    which keys (four; none for no bounds).
    """

    limit: Hashable
    filter: tuple[Hashable, ...] = ()
    bounds: tuple[Hashable, ...] = ()


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
    small answer.
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
        return Spellings(_SKELETON["pages"].format(**own, **self._filled()))

    def _page(self, direction: str) -> Spellings:
        matching = _PARTS["matching_clients"]
        count = len(set(_PARAMETER.findall(matching)))
        after, before, limit = self._own(count + 3)[count:]
        bounds = f"c.client_number > (SELECT {after}::bigint) AND c.client_number < (SELECT {before}::bigint)"
        condition = f"{bounds} AND {moved(matching, len(self.parameters))}"
        return self._whole(condition, f" ORDER BY c.client_number{direction} LIMIT (SELECT {limit}::int)")

    def _own(self, count: int) -> list[str]:
        first = len(self.parameters) + _VISIBLE + 1
        return [f"${number}" for number in range(first, first + count)]

    def _whole(self, condition: str, page: str) -> Spellings:
        return Spellings(_SKELETON["whole"].format(condition=condition, page=page, **self._filled()))

    def _filled(self) -> dict[str, str]:
        return {
            "client_columns": self.client_columns,
            "visible": _PARTS["visible"],
            "relations": self.relations,
            "texts": ", ".join(("c.client_number", *self.texts, *self.keys)),
            "joins": self.joins,
        }


def moved(part: str, by: int) -> str:
    """A part of erp.sql whose parameters begin further back."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", part)


class Composer:
    """Collects what a rendering needs. Parameters are known by names of the caller's choice."""

    def __init__(self) -> None:
        self.client = Row("c")
        self._parameters: dict[Hashable, int] = {}
        self._relations: dict[str, str] = {}
        self._pages: dict[str, str] = {}
        self._aggregates: dict[str, str] = {}
        self._keys: list[str] = []
        self._values_money = False

    def parameter(self, name: Hashable, type_: str) -> str:
        """SQL for the parameter of that name."""
        return f"${self._number(name)}::{type_}"

    def statement(self, texts: Sequence[Json]) -> Statement:
        """For clients with these texts."""
        return Statement(
            self.client.read("client_number"),
            "".join(f",\n{one}" for one in self._with()),
            "".join(f"\nFULL JOIN {alias} ON {alias}.client_number = c.client_number" for alias in self._by_client())
            + "".join(f"\nLEFT JOIN LATERAL ({page}) {alias} ON true" for page, alias in self._pages.items()),
            tuple(given_up(one) for one in texts),
            tuple(self._keys),
            tuple(self._parameters),
        )

    def accounting(self, what: str) -> str:
        """SQL for the accounting currency's `currency` or `places`; NULL without one."""
        self._values_money = True
        return f"(SELECT {what} FROM k)"  # noqa: S608 - a word of ours.

    def web_status(self, body: Body) -> Json:
        """A client's web status as JSON, null without one."""
        row = Row("w")
        text = given_up(body(row))
        select = _SKELETON["web_status"].format(text=text, of_c=_SKELETON["of_c"])
        alias = self._relations.setdefault(select, f"w{len(self._relations)}")
        return [Sql(f"coalesce({alias}.j, 'null')")]

    def balances(self, body: Json, only: str | None = None) -> Json:
        """A client's balances as a list; `only` is SQL for the currencies that are wanted, or NULL for all."""
        wanted = f" FILTER (WHERE {only} IS NULL OR b.currency = ANY ({only}))" if only else ""
        listed = self.of_balances(f"string_agg({given_up(body)}, ',' ORDER BY b.currency){wanted}")
        return ["[", Sql(f"coalesce({listed}, '')"), "]"]

    def of_balances(self, aggregate: str) -> str:
        """SQL for an aggregate over a client's balances; NULL for a client without any."""
        return f"b.{self._aggregates.setdefault(aggregate, f'x{len(self._aggregates)}')}"

    def accounts(self, row: Row, body: Json, page: AccountPage, *, keyed: bool) -> tuple[Json, int]:
        """A page of a client's accounts as the elements of a list, and if it is `keyed` the number under which the
        statement says whose they are.
        """
        condition = "".join(f" AND {one}" for one in self._conditions(page))
        select = _SKELETON["accounts"].format(
            text=given_up(body),
            keys=f", {_SKELETON['account_keys']}" if keyed else "",
            columns=row.read("server", "login"),
            condition=condition,
            limit=self.parameter(page.limit, "int"),
        )
        alias = self._pages.setdefault(select, f"a{len(self._pages)}")
        if keyed:
            self._keys.append(f"{alias}.k")
        return [Sql(f"coalesce({alias}.j, '')")], len(self._keys) - 1

    def _conditions(self, page: AccountPage) -> Iterator[str]:
        if page.filter:
            yield self._part("matching_accounts", page.filter)
        if page.bounds:
            yield self._part("account_page", page.bounds)

    def _part(self, part: str, names: Sequence[Hashable]) -> str:
        """A part of erp.sql, its parameters in their order under these names."""
        text = _PARTS[part]
        first = min(int(number) for number in _PARAMETER.findall(text))
        return _PARAMETER.sub(lambda found: f"${self._number(names[int(found[1]) - first])}", text)

    def _number(self, name: Hashable) -> int:
        return self._parameters.setdefault(name, len(self._parameters) + _VISIBLE + 1)

    def _with(self) -> Iterator[str]:
        if self._values_money:
            yield _SKELETON["accounting"].format(places=places_of("currency"))
        for select, alias in self._relations.items():
            yield f"{alias} AS ({select})"
        if self._aggregates:
            aggregates = "".join(f", {one} AS {name}" for one, name in self._aggregates.items())
            places = places_of("b.currency")
            yield _SKELETON["balances"].format(aggregates=aggregates, places=places, of_c=_SKELETON["of_c"])

    def _by_client(self) -> Iterator[str]:
        yield from self._relations.values()
        if self._aggregates:
            yield "b"
