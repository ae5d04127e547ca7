"""Reads the ERP's views. Each method sends one statement and returns its rows by key.

Every method takes `visible`, the visibility of the caller, and passes it as the first parameters of its statement.
Client data cannot be read without it. Requests with the same `visible` share look-ups by key
(upstreams/flow/coalescing.py), and the shared statement gets this `visible`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg

from core.call import Call
from core.errors import Misunderstood
from core.keyset import Page, PageRequest, cut_page
from core.records import AccountKey, AccountRecord, BalanceRecord, ClientRecord, WebStatusRecord
from core.secret import Secret
from core.visibility import Visibility
from upstreams.erp.contract import select_list
from upstreams.erp.list_statements import erp_statement
from upstreams.erp.rows import read_records
from upstreams.flow.coalescing import Coalescing, K, Sharing, V
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_columns = {
    "client_columns": select_list("client", "c"),
    "account_columns": select_list("trading_account", "a"),
    "web_status_columns": select_list("web_status", "w"),
    "balance_columns": select_list("currency_balance", "b"),
}
sql = read_statements("erp/erp.sql", **_columns)
# The same statements for rows whose times the driver cannot decode.
_bounded = read_statements(
    "erp/erp.sql", **_columns | {"account_columns": select_list("trading_account", "a", bounded=True)}
)


@dataclass(frozen=True, slots=True)
class Codes:
    """A condition on a coded column. `unlisted` also includes every value that is not in `listed`."""

    wanted: tuple[Any, ...]
    unlisted: bool
    listed: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a column that the view `client` may lack: a part of erp.sql, and the part's parameters."""

    part: str
    column: str
    parameters: tuple[Any, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientQuery:
    """Which clients are asked for; None means no condition."""

    numbers: tuple[int, ...] | None = None
    web_statuses: Codes | None = None
    erp_statuses: Codes | None = None
    agencies: tuple[int, ...] | None = None
    optional: tuple[Condition, ...] = ()

    def parameters(self) -> tuple[Any, ...]:
        """$3 to $10 of the part `matching_clients`."""
        return (self.numbers, *_codes(self.web_statuses), *_codes(self.erp_statuses), self.agencies)

    @property
    def is_in_snapshot(self) -> bool:
        """Whether the snapshot has sums for all conditions."""
        return not self.optional and self.numbers is None


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Conditions for accounts; None means no condition."""

    platforms: Codes | None = None
    servers: tuple[str, ...] | None = None
    statuses: Codes | None = None
    groups: tuple[str, ...] | None = None
    currencies: tuple[str, ...] | None = None
    agencies: tuple[int, ...] | None = None
    balance_from: Decimal | None = None
    balance_to: Decimal | None = None
    optional: tuple[Condition, ...] = ()

    def parameters(self) -> tuple[Any, ...]:
        """$3 to $14 of the part `matching_accounts`."""
        rest = (self.groups, self.currencies, self.agencies, self.balance_from, self.balance_to)
        return (*_codes(self.platforms), self.servers, *_codes(self.statuses), *rest)

    @property
    def is_in_snapshot(self) -> bool:
        """Whether the snapshot has sums for all conditions."""
        return not self.optional and self.balance_from is self.balance_to is None


def _codes(codes: Codes | None) -> tuple[Any, ...]:
    return (None, False, ()) if codes is None else (codes.wanted, codes.unlisted, codes.listed)


class Erp:
    """The ERP database. Raises Unavailable or Misunderstood. Keys without a row are absent from the answer.

    The first attributes are look-ups by key: `await erp.clients.ask(visible, numbers, call)`.
    """

    def __init__(self, database: Database, sharing: Sharing) -> None:
        self._database = database
        self.clients = self._lookup(sharing, sql.clients_by_number, _clients)
        self.clients_by_account = self._lookup(sharing, sql.clients_by_account, _clients_by_account, _pairs)
        self.web_statuses = self._lookup(sharing, sql.web_statuses, _web_statuses)
        self.balances = self._lookup(sharing, sql.balances, _balances)
        self.accounts = self._lookup(sharing, sql.accounts_by_key, _accounts, _pairs, _bounded.accounts_by_key)

    async def aclose(self) -> None:
        for shared in (self.clients, self.clients_by_account, self.web_statuses, self.balances, self.accounts):
            await shared.aclose()

    async def client_by_crm_user(self, user_id: str, visible: Visibility, call: Call) -> ClientRecord | None:
        rows = await self._database.read(sql.clients_by_crm_user, *visible.of_clients(), [user_id], call=call)
        return read_records(ClientRecord, rows)[0] if len(rows) == 1 else None

    async def api_passwords(self, numbers: Sequence[int], visible: Visibility, call: Call) -> dict[int, Secret]:
        """The clients' passwords for the ERP's own API. They are only for calls of this API."""
        rows = await self._database.read(
            sql.api_passwords, *visible.of_clients(), numbers, call=call, keys=len(numbers)
        )
        return {row["client_number"]: Secret(row["api_password"]) for row in rows if row["api_password"]}

    async def account_pages(
        self, numbers: Sequence[int], query: AccountQuery, page: PageRequest, visible: Visibility, call: Call
    ) -> dict[int, Page[AccountRecord]]:
        """One page for each client; a client without such accounts has an empty one."""
        name, optional = "accounts_backward" if page.backward else "accounts_forward", parts_of(query)
        rows = await self._database.read(
            erp_statement(name, optional),
            *(*visible.of_clients(), *query.parameters(), numbers),
            *(*(page.after or (None, None)), *(page.before or (None, None)), page.limit + 1, *optional_values(query)),
            call=call,
            keys=len(numbers),
            otherwise=erp_statement(name, optional, bounded=True),
        )
        found: defaultdict[int, list[AccountRecord]] = defaultdict(list)
        for record in _with_keys(read_records(AccountRecord, rows)):
            found[record.client_number].append(record)
        return {number: cut_page(found[number], page) for number in numbers}

    async def count_accounts(
        self, numbers: Sequence[int], query: AccountQuery, visible: Visibility, call: Call
    ) -> dict[int, int]:
        statement = erp_statement("count_accounts", parts_of(query))
        own = (*visible.of_clients(), *query.parameters(), numbers, *optional_values(query))
        rows = await self._database.read(statement, *own, call=call, keys=len(numbers))
        totals = dict.fromkeys(numbers, 0)
        return totals | {row["client_number"]: row["total"] for row in rows}

    async def logins_of(self, server: str, after: str, limit: int, visible: Visibility, call: Call) -> list[str]:
        """A part of a server's logins, in the order of the database."""
        rows = await self._database.read(sql.logins_of_server, *visible.of_clients(), server, after, limit, call=call)
        return [row["login"] for row in rows]

    def _lookup(
        self,
        sharing: Sharing,
        statement: str,
        answers: Callable[[Sequence[asyncpg.Record]], dict[K, V]],
        columns: Callable[[Sequence[Any]], tuple[Sequence[Any], ...]] = lambda keys: (keys,),
        otherwise: str | None = None,
    ) -> Coalescing[Visibility, K, V]:
        async def ask(visible: Visibility, keys: Sequence[K], call: Call) -> dict[K, V]:
            own = (*visible.of_clients(), *columns(keys))
            rows = await self._database.read(statement, *own, call=call, keys=len(keys), otherwise=otherwise)
            return answers(rows)

        return Coalescing(ask, sharing, too_late=self._database.too_late, away=False)


def parts_of(query: ClientQuery | AccountQuery) -> tuple[str, ...]:
    """The parts of the query's optional conditions."""
    return tuple(one.part for one in query.optional)


def optional_values(query: ClientQuery | AccountQuery) -> list[Any]:
    """The parameters of the query's optional conditions, which a statement has after all others."""
    return [value for one in query.optional for value in one.parameters]


def _clients(rows: Sequence[asyncpg.Record]) -> dict[int, ClientRecord]:
    return {record.client_number: record for record in read_records(ClientRecord, rows)}


def _clients_by_account(rows: Sequence[asyncpg.Record]) -> dict[AccountKey, ClientRecord]:
    keys = [AccountKey(row[0], row[1]) for row in rows]
    return dict(zip(keys, read_records(ClientRecord, [tuple(row)[2:] for row in rows]), strict=True))


def _web_statuses(rows: Sequence[asyncpg.Record]) -> dict[int, WebStatusRecord]:
    return {record.client_number: record for record in read_records(WebStatusRecord, rows)}


def _accounts(rows: Sequence[asyncpg.Record]) -> dict[AccountKey, AccountRecord]:
    return {record.key: record for record in read_records(AccountRecord, rows)}


def _balances(rows: Sequence[asyncpg.Record]) -> dict[int, list[BalanceRecord]]:
    found: defaultdict[int, list[BalanceRecord]] = defaultdict(list)
    for record in read_records(BalanceRecord, rows):
        found[record.client_number].append(record)
    return found


def _with_keys(accounts: Sequence[AccountRecord]) -> Iterator[AccountRecord]:
    """The accounts with a server and a login. Without them a row names no account, and its error is in the log."""
    for account in accounts:
        try:
            _ = account.key
        except Misunderstood:
            continue
        yield account


def _pairs(keys: Sequence[AccountKey]) -> tuple[list[str], list[str]]:
    return [key.server for key in keys], [key.login for key in keys]
