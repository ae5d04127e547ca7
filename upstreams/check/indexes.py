"""Finds the indexes that the ERP lacks for the orders and filters of lists, by EXPLAIN (docs/erp-views.md)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from upstreams.check.findings import Finding, note, ok
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_sql = read_statements("check/indexes.sql")


@dataclass(frozen=True, slots=True)
class NeededIndex:
    """An index for an order or a filter. `probe` is the value that a filter compares with; an order has none. `column`
    is an optional column.
    """

    view: str
    purpose: str
    columns: str
    probe: str | None = None
    column: str | None = None


NEEDED: Final[Mapping[str, NeededIndex]] = {
    "clients_by_number": NeededIndex("client", "orderBy CLIENT_NUMBER", "(client_number)"),
    "clients_by_name": NeededIndex("client", "orderBy FULL_NAME", "(full_name, client_number)"),
    "clients_of_agency": NeededIndex("client", "filter.agency", "(agency, client_number)", "-2147480001"),
    "clients_by_search": NeededIndex("client", "filter.search", "GIN (search)", "brokergraphcheck", "search"),
    "clients_by_phone": NeededIndex("client", "filter.phone", "(phone text_pattern_ops)", "00998877", "phone"),
    "clients_by_creation": NeededIndex("client", "filter.createdFrom", "(created_at)", "1901-06-15", "created_at"),
    "accounts_by_key": NeededIndex("trading_account", "orderBy SERVER_AND_LOGIN", "(server, login)"),
    "accounts_of_client": NeededIndex(
        "trading_account", "a client's accounts", "(client_number, server, login)", "-2147480001"
    ),
    "accounts_by_login": NeededIndex("trading_account", "filter.search", "(login)", "brokergraphcheck"),
    "accounts_by_balance": NeededIndex("trading_account", "orderBy BALANCE", "(currency, balance, server, login)"),
    "accounts_by_equity": NeededIndex("trading_account", "orderBy EQUITY", "(currency, equity, server, login)"),
    "accounts_by_sync": NeededIndex("trading_account", "orderBy SYNCED_AT", "(synced_at, server, login)"),
}


async def check_indexes(database: Database, optional: Collection[str], seconds: float) -> list[Finding]:
    """A note for each missing index. `optional` has the optional columns of the view `client` that can be read."""
    wanted = {name: one for name, one in NEEDED.items() if one.column is None or one.column in optional}

    async def explain(connection: Any) -> dict[str, list[dict[str, Any]]]:
        await connection.fetch(_sql.prefer_indexes)
        plans = {name: await connection.fetchval(getattr(_sql, name)) for name in wanted}
        return {name: list(_nodes(msgspec.json.decode(plan)[0]["Plan"])) for name, plan in plans.items()}

    plans = await database.transact(explain, seconds=seconds)
    missing = [one for name, one in wanted.items() if not _reads_index(plans[name], one.probe)]
    if not missing:
        return [ok("brokergraph_erp", "every order and filter has its index")]
    return [
        note(
            f"brokergraph_erp.{one.view}",
            f"{one.purpose} reads all rows, because there is no index on {one.columns}",
            "Make the index on the table behind the view, if the table is large.",
        )
        for one in missing
    ]


def _nodes(plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield dict(plan)
    for one in plan.get("Plans", ()):
        yield from _nodes(one)


def _reads_index(nodes: list[dict[str, Any]], probe: str | None) -> bool:
    """Whether an index gives the order, or compares with the probe. An index behind a foreign table cannot be seen. A
    column that is always null needs no index.
    """
    if any(node["Node Type"] == "Foreign Scan" or node.get("One-Time Filter") == "false" for node in nodes):
        return True
    if any(node["Node Type"] in {"Sort", "Incremental Sort"} for node in nodes):
        return False
    return probe is None or any(probe in node.get("Index Cond", "") for node in nodes)
