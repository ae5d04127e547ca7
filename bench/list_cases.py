"""The operations that bench/lists.py measures: lists, their orders, and searches, in the words of both servers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from resolvers.fields import ids
from resolvers.fields.ids import Cursor

FIRST = 50
DIRECTIONS = ("ASC", "DESC")


@dataclass(frozen=True)
class List:
    """A list of the graph, and the peer's list of the same rows. `keys` identify a row in the answers of both."""

    name: str
    fields: str
    keys: tuple[str, ...]
    peer: str
    peer_fields: str


CLIENTS = List(
    "clients",
    "clientNumber fullName email agency",
    ("clientNumber",),
    "allClients",
    "clientNumber fullName: clientFullName email agency",
)
ACCOUNTS = List(
    "tradingAccounts",
    "login server { name } currency balance equity syncedAt client { clientNumber fullName }",
    ("login",),
    "allTpmAccountStatuses",
    "login: accountLogin server: dataSource currency balance equity syncedAt client { clientNumber clientFullName }",
)
INSTRUCTIONS = List(
    "instructions",
    "idempotencyKey kind status createdAt",
    ("idempotencyKey",),
    "allBrokergraphInstructions",
    "idempotencyKey kind status createdAt",
)
LISTS = (CLIENTS, ACCOUNTS, INSTRUCTIONS)


@dataclass(frozen=True)
class Case:
    """A list with arguments. `peer` has the peer's arguments, or is None if the peer has no such list.

    `place` selects the values of a cursor from all rows in the order of the list. `field` is a field of Query that the
    schema may lack.
    """

    name: str
    list: List
    arguments: str = ""
    peer: str | None = ""
    peer_list: str | None = None
    place: str | None = None
    cursor: Cursor | None = None
    order: bool = False
    field: str | None = None
    document: str | None = None

    def ours(self, after: str | None = None) -> str:
        """The document for brokergraph."""
        if self.document is not None:
            return self.document
        return _document(self.list.name, self.arguments, after, self.list.fields)

    def peers(self, after: str | None = None) -> str:
        """The document for the peer."""
        return _document(self.peer_list or self.list.peer, self.peer or "", after, self.list.peer_fields)

    def peers_place(self, offset: int) -> str:
        """The peer's document that answers with the cursor of the row before this offset."""
        arguments = f"first: 1, offset: {offset - 1} {self.peer}"
        return f"{{ list: {self.peer_list or self.list.peer}({arguments}) {{ pageInfo {{ endCursor }} }} }}"


def _document(name: str, arguments: str, after: str | None, fields: str) -> str:
    start = f' after: "{after}"' if after else ""
    page = f"pageInfo {{ hasNextPage endCursor }} nodes {{ {fields} }}"
    return f"{{ list: {name}(first: {FIRST}{start} {arguments}) {{ {page} }} }}"


def cases() -> Iterator[Case]:
    """All operations. The unordered page of a list comes before its orders."""
    for one in LISTS:
        yield Case(f"{one.name}, unordered", one, peer=f"orderBy: [{_PEER_DEFAULT[one.name]}]")
        yield from _ORDERS[one.name]()
    yield from _searches()
    yield from _sums()


_PEER_DEFAULT = {
    "clients": "CLIENT_NUMBER_ASC",
    "tradingAccounts": "DATA_SOURCE_ASC ACCOUNT_LOGIN_ASC",
    "instructions": "CREATED_AT_DESC NUMBER_DESC",
}


def _order(of: List, field: str, way: str, peer_columns: str, **more: Any) -> Case:
    condition, peer_condition = more.pop("condition", ""), more.pop("peer_condition", "")
    peer = f"{peer_condition} orderBy: [{peer_columns.format(way=way)}]" if peer_columns else None
    arguments = f"{condition} orderBy: {{ field: {field}, direction: {way} }}"
    more["place"] = more["place"].format(way=way)
    return Case(f"{of.name} by {field} {way}", of, arguments, peer, order=True, **more)


def _client_orders() -> Iterator[Case]:
    rows = "FROM brokergraph_erp.client ORDER BY"
    for way in DIRECTIONS:
        place = f"SELECT client_number {rows} client_number {{way}}"
        yield _order(CLIENTS, "CLIENT_NUMBER", way, "CLIENT_NUMBER_{way}", place=place, cursor=ids.CLIENTS)
        yield _order(
            CLIENTS,
            "FULL_NAME",
            way,
            "CLIENT_FULL_NAME_{way} CLIENT_NUMBER_{way}",
            place=f"SELECT full_name, client_number {rows} full_name {{way}}, client_number {{way}}",
            cursor=ids.CLIENTS_BY_NAME,
        )
        # The peer could only sort all clients by a computed column.
        yield _order(
            CLIENTS,
            "TOTAL_FLOATING_BALANCE",
            way,
            "",
            place="SELECT total::text AS key, rebuild, client_number FROM brokergraph.client_total"
            " WHERE rebuild = (SELECT max(number) FROM brokergraph.client_total_rebuild)"
            " ORDER BY total IS NULL, total {way}, client_number {way}",
            cursor=ids.CLIENTS_BY_TOTAL,
        )


def _account_orders() -> Iterator[Case]:
    rows, key = "FROM brokergraph_erp.trading_account", "server {way}, login {way}"
    ends = "DATA_SOURCE_{way} ACCOUNT_LOGIN_{way}"
    instant = "to_json(synced_at) #>> '{{}}'"
    for way in DIRECTIONS:
        place = f"SELECT server, login {rows} ORDER BY {key}"
        yield _order(ACCOUNTS, "SERVER_AND_LOGIN", way, ends, place=place, cursor=ids.ACCOUNTS)
        for field, cursor in (("BALANCE", ids.ACCOUNTS_BY_BALANCE), ("EQUITY", ids.ACCOUNTS_BY_EQUITY)):
            column = field.lower()
            yield _order(
                ACCOUNTS,
                field,
                way,
                f"{field}_{{way}} {ends}",
                condition="filter: { currencies: [USD] }",
                peer_condition='condition: { currency: "USD" }',
                place=f"SELECT {column}::text AS key, server, login {rows} WHERE currency = 'USD'"
                f" ORDER BY {column} {{way}} NULLS LAST, {key}",
                cursor=cursor,
            )
        yield _order(
            ACCOUNTS,
            "SYNCED_AT",
            way,
            f"SYNCED_AT_{{way}} {ends}",
            place=f"SELECT {instant}, server, login {rows} ORDER BY synced_at {{way}} NULLS LAST, {key}",
            cursor=ids.ACCOUNTS_BY_SYNCED_AT,
        )


def _instruction_orders() -> Iterator[Case]:
    for way in DIRECTIONS:
        yield _order(
            INSTRUCTIONS,
            "CREATED_AT",
            way,
            "CREATED_AT_{way} NUMBER_{way}",
            place="SELECT to_json(created_at) #>> '{{}}', number FROM brokergraph.instruction"
            " ORDER BY created_at {way}, number {way}",
            cursor=ids.INSTRUCTIONS_BY_TIME,
        )


_ORDERS = {"clients": _client_orders, "tradingAccounts": _account_orders, "instructions": _instruction_orders}


def _searches() -> Iterator[Case]:
    """A word of many clients, the beginning of few clients' word, two words, and a word of no client."""
    for what, words, peer in (
        ("many", "anna", "anna:*"),
        ("few", "client60012", "client60012:*"),
        ("two words", "anna smi", "anna:* & smi:*"),
        ("none", "nobodyhasit", "nobodyhasit:*"),
    ):
        name = f"clients, search of {what}"
        yield Case(name, CLIENTS, f'filter: {{ search: "{words}" }}', f'words: "{peer}"', "peerSearchClients")
    for field, way in product(("FULL_NAME",), DIRECTIONS):
        order = f"orderBy: {{ field: {field}, direction: {way} }}"
        yield Case(f"clients, search by {field} {way}", CLIENTS, f'filter: {{ search: "anna" }} {order}', None)
    yield Case("tradingAccounts, search of few", ACCOUNTS, 'filter: { search: "client60012" }', None)


_SUMS = {
    "clientSummary": "count byAgency { agency count } balances { currency balance } totalFloatingBalance { amount }",
    "accountSummary": "count byServer { server currency accounts balance equity }",
}


def _sums() -> Iterator[Case]:
    """Sums of all, and of an agency. The peer has no such field."""
    for name, fields in _SUMS.items():
        for what, arguments in (("all", ""), ("an agency", "(filter: { agency: [1] })")):
            document = f"{{ list: {name}{arguments} {{ {fields} }} }}"
            yield Case(f"{name} over {what}", CLIENTS, peer=None, field=name, document=document)


__all__ = ["ACCOUNTS", "CLIENTS", "FIRST", "INSTRUCTIONS", "LISTS", "Case", "List", "cases"]
