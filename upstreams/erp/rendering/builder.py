"""The statement builder: collects the parts of a rendering of clients and makes the statement."""

import re
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from upstreams.erp.rendering.sql_json import (
    Json,
    Sql,
    half_even,
    joined,
    marked,
    null_if,
    null_without,
    places_of,
    truncated,
)
from upstreams.erp.rendering.statement import SKELETON, VISIBLE, Statement, the_one
from upstreams.postgres.sql import read_parts

_PARTS: Final = read_parts("erp/erp.sql")
_PARAMETER: Final = re.compile(r"\$(\d+)")


class Columns(Protocol):
    """The values from which an object's fields are rendered, by name, as SQL or as finished JSON."""

    def column(self, name: str) -> str: ...


class Row:
    """The columns of a view that the statement reads. `computed` are additional columns that the statement computes."""

    def __init__(self, alias: str, computed: Collection[str] = ()) -> None:
        self.alias = alias
        self._computed = computed
        self._columns: dict[str, None] = {}

    def column(self, name: str) -> str:
        if name not in self._computed:
            self._columns[name] = None
        return f"{self.alias}.{name}"

    def read(self, *always: str) -> str:
        """The select list for the view, with the same alias."""
        return ", ".join(f"{self.alias}.{name}" for name in dict.fromkeys((*always, *self._columns)))


class Computed:
    """Values that a statement computes. Each is included only if it is read, because an unused parameter has no
    type.
    """

    def __init__(self, **values: Callable[[], str]) -> None:
        self._values = values

    def column(self, name: str) -> str:
        return self._values[name]()


Body = Callable[[Row], Json]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Names of parameters: the number of accounts, the conditions (as AccountQuery gives them; none for all),
    and the keys that bound the page (four; none for no bounds).
    """

    limit: Hashable
    filter: tuple[Hashable, ...] = ()
    bounds: tuple[Hashable, ...] = ()


class Ends(NamedTuple):
    """SQL for the ends of a page of accounts: whether it is empty, whether more follow, and the server and the login of
    its first and of its last account.
    """

    is_empty: str
    has_more: str
    first: tuple[str, str]
    last: tuple[str, str]


class StatementBuilder:
    """Collects the parts of a rendering. The caller chooses the names of parameters."""

    def __init__(self) -> None:
        self.client = Row("c")
        self.balance = Row("b", computed=("places",))
        self._parameters: dict[Hashable, int] = {}
        self._relations: dict[str, str] = {}
        self._pages: dict[str, str] = {}
        self._aggregates: dict[str, str] = {}
        self._of_each_balance: dict[str, str] = {}
        self._keys: list[str] = []
        self._values_money = False

    def parameter(self, name: Hashable, type_: str) -> Sql:
        """SQL for the parameter of that name."""
        return Sql(f"${self._number(name)}::{type_}")

    def statement(self, texts: Sequence[Json]) -> Statement:
        """The statement for clients with these texts."""
        joins = [f"\nFULL JOIN {alias} ON {alias}.client_number = c.client_number" for alias in self._by_client()]
        joins += [f"\nLEFT JOIN LATERAL ({page}) {alias} ON true" for page, alias in self._pages.items()]
        return the_one(
            Statement(
                self.client.read("client_number"),
                "".join(f",\n{one}" for one in self._with()),
                "".join(joins),
                tuple(marked(one) for one in texts),
                tuple(self._keys),
                tuple(self._parameters),
            )
        )

    def accounting(self, what: str) -> str:
        """SQL for the accounting currency's `currency` or `places`; NULL without one."""
        self._values_money = True
        return f"(SELECT {what} FROM k)"  # noqa: S608 - a word of ours.

    def web_status(self, body: Body) -> Json:
        """A client's web status as JSON, null without one."""
        row = Row("w")
        text = marked(body(row))
        select = SKELETON["web_status"].format(text=text, of_c=SKELETON["of_c"])
        alias = self._relations.setdefault(select, f"w{len(self._relations)}")
        return [Sql(f"coalesce({alias}.j, 'null')")]

    def balances(self, body: Json, only: Hashable | None = None) -> Json:
        """A client's balances as a list. The parameter `only` has the currencies that are wanted, or NULL for all."""
        currency, wanted = self.balance.column("currency"), ""
        if only is not None:
            currencies = self.parameter(only, "text[]")
            wanted = f" FILTER (WHERE {currencies} IS NULL OR {currency} = ANY ({currencies}))"
        listed = self._of_balances(f"string_agg({marked(body)}, ',' ORDER BY {currency}){wanted}")
        return ["[", Sql(f"coalesce({listed}, '')"), "]"]

    def money(self, amount: str) -> Columns:
        """An amount in the accounting currency."""
        return Computed(
            amount=lambda: amount,
            currency=lambda: self.accounting("currency"),
            places=lambda: self.accounting("places"),
        )

    def rate(self, places: int) -> Json:
        """A balance's value for one unit, null without a value."""
        value, balance = self.balance.column("value"), self.balance.column("balance")
        expression = truncated(value, balance, places)
        # A column of its own, so that it is computed once for each balance.
        units = f"b.{self._of_each_balance.setdefault(expression, f'y{len(self._of_each_balance)}')}"
        return null_without([value], half_even(units, value, balance, places))

    def total(self, body: Callable[[Columns], Json], currency: Hashable) -> Json:
        """The sum of a client's balances, rendered by `body`. The sum is null if one value is not known: it is never
        partial. The total of a client without balances is zero in the currency of the parameter.
        """
        value = self.balance.column("value")
        total, count, known = (self._of_balances(one) for one in (f"sum({value})", "count(*)", f"count({value})"))
        json = null_if(f"{count} > {known} OR {self.accounting('currency')} IS NULL", body(self.money(total)))
        nothing = body(
            Computed(
                amount=lambda: "0::numeric",
                currency=lambda: self.parameter(currency, "text"),
                places=lambda: places_of(self.parameter(currency, "text")),
            )
        )
        return [Sql(f"CASE WHEN {count} IS NULL THEN {joined(nothing)} ELSE {joined(json)} END")]

    def _of_balances(self, aggregate: str) -> str:
        """SQL for an aggregate over a client's balances; NULL for a client without any."""
        return f"b.{self._aggregates.setdefault(aggregate, f'x{len(self._aggregates)}')}"

    def accounts(self, row: Row, body: Json, page: AccountPage, *, keyed: bool) -> tuple[Json, int]:
        """A page of a client's accounts as the elements of a list. If the page is `keyed`, the statement also has the
        keys of the accounts, under the returned number.
        """
        select = SKELETON["accounts"].format(
            text=marked(body),
            keys=f", {SKELETON['account_keys']}" if keyed else "",
            columns=row.read("server", "login"),
            condition=self._matching(page) + self._within(page),
            limit=self.parameter(page.limit, "int"),
        )
        alias = self._by_page(select)
        if keyed:
            self._keys.append(f"{alias}.k")
        return [Sql(f"coalesce({alias}.j, '')")], len(self._keys) - 1

    def account_ends(self, page: AccountPage) -> Ends:
        limit = self.parameter(page.limit, "int")
        condition = self._matching(page) + self._within(page)
        alias = self._by_page(SKELETON["account_ends"].format(condition=condition, limit=limit))
        first, last = "[1]", f"[least({alias}.n, {limit})]"
        return Ends(
            f"{alias}.n = 0",
            f"{alias}.n > {limit}",
            (f"{alias}.servers{first}", f"{alias}.logins{first}"),
            (f"{alias}.servers{last}", f"{alias}.logins{last}"),
        )

    def account_count(self, page: AccountPage) -> str:
        """SQL for the number of accounts on all pages."""
        return f"{self._by_page(SKELETON['account_count'].format(condition=self._matching(page)))}.n"

    def _by_page(self, select: str) -> str:
        """The alias of a select that is made for each client."""
        return self._pages.setdefault(select, f"a{len(self._pages)}")

    def _matching(self, page: AccountPage) -> str:
        if not page.filter:
            return ""
        self.client.column("agency")  # The filter reads this column of the client.
        return f" AND {self._part('matching_accounts', page.filter)}"

    def _within(self, page: AccountPage) -> str:
        return f" AND {self._part('account_page', page.bounds)}" if page.bounds else ""

    def _part(self, part: str, names: Sequence[Hashable]) -> str:
        """A part of erp.sql. Its parameters get these names, in their order."""
        text = _PARTS[part]
        first = min(int(number) for number in _PARAMETER.findall(text))
        return _PARAMETER.sub(lambda found: f"${self._number(names[int(found[1]) - first])}", text)

    def _number(self, name: Hashable) -> int:
        return self._parameters.setdefault(name, len(self._parameters) + VISIBLE + 1)

    def _with(self) -> Iterator[str]:
        if self._values_money:
            yield SKELETON["accounting"].format(places=places_of("currency"))
        for select, alias in self._relations.items():
            yield f"{alias} AS ({select})"
        if self._aggregates:
            aggregates = "".join(f", {one} AS {name}" for one, name in self._aggregates.items())
            columns = "".join(f", {one} AS {name}" for one, name in self._of_each_balance.items())
            places, of_c = places_of("b.currency"), SKELETON["of_c"]
            read = self.balance.read("client_number", "currency", "balance")
            yield SKELETON["balances"].format(
                aggregates=aggregates, read=read, places=places, columns=columns, of_c=of_c
            )

    def _by_client(self) -> Iterator[str]:
        yield from self._relations.values()
        if self._aggregates:
            yield "b"
