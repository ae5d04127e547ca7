"""Checks the ERP database against docs/erp-views.md."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.call import Call
from core.errors import UpstreamError
from upstreams.check.findings import CORRECT, Finding, Findings, describe_database_error, note, ok, wrong
from upstreams.check.indexes import check_indexes
from upstreams.erp.contract import OPTIONAL, VIEWS
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_parts, read_statements

sql = read_statements("check/check.sql")
_ADVICE = read_parts("check/check.sql")

_PAGE = "docs/erp-views.md shows the view"


async def check_erp(database: Database, accounting_currency: str, configured: Sequence[str], call: Call) -> Findings:
    """Check every view and column, and then the content of the readable views."""
    try:
        rows = await database.read(sql.columns, call=call)
    except UpstreamError as error:
        yield wrong("erp.database_url", describe_database_error(error, database.config.url), CORRECT)
        return
    yield ok("erp.database_url", "reachable")
    found = list(views(rows))
    for finding in found:
        yield finding
    if all(finding.verdict != "wrong" for finding in found):
        async for finding in _contents(database, accounting_currency, configured, call):
            yield finding
        for finding in await _indexes(database, rows, call):
            yield finding


def views(rows: Sequence[Any]) -> Iterator[Finding]:
    """One finding for a correct view, otherwise one finding for each problem."""
    present: dict[str, dict[str, Any]] = {}
    for row in rows:
        present.setdefault(row["view"], {})[row["column"]] = row
    for view, columns in VIEWS.items():
        problems = list(_view(view, columns, present.get(view)))
        yield from problems or [ok(f"brokergraph_erp.{view}", f"{len(columns)} columns")]
        if view in present:
            for column in sorted(OPTIONAL.get(view, {}).keys() - _readable(view, rows)):
                what = f"the optional column is missing or not {OPTIONAL[view][column][0]}; its filter is refused"
                yield note(f"brokergraph_erp.{view}.{column}", what, _PAGE)


def _readable(view: str, rows: Sequence[Any]) -> set[str]:
    """The optional columns of a view that can be read."""
    types = OPTIONAL.get(view, {})
    found = (row for row in rows if row["view"] == view and row["readable"])
    return {row["column"] for row in found if row["type"] in types.get(row["column"], ())}


async def _indexes(database: Database, rows: Sequence[Any], call: Call) -> Sequence[Finding]:
    try:
        return await check_indexes(database, _readable("client", rows), call.deadline.remaining())
    except UpstreamError as error:
        what = describe_database_error(error, database.config.url)
        return [wrong("brokergraph_erp", what, "The plans over the views cannot be read; try a query in psql.")]


def _view(view: str, columns: Mapping[str, Sequence[str]], present: Mapping[str, Any] | None) -> Iterator[Finding]:
    place = f"brokergraph_erp.{view}"
    if present is None:
        yield wrong(place, "the view is missing", _PAGE)
        return
    for column, types in columns.items():
        row = present.get(column)
        if row is None:
            yield wrong(f"{place}.{column}", f"the column is missing; it should be {types[0]}", _PAGE)
        elif row["type"] not in types:
            advice = f"Cast it: {_ADVICE['cast'].format(column=column, type=types[0])}"
            yield wrong(f"{place}.{column}", f"is {row['type']}, should be {types[0]}", advice)
        elif not row["readable"]:
            yield wrong(f"{place}.{column}", "may not be read by our role", _ADVICE["grant"].format(view=place))


async def _contents(database: Database, currency: str, configured: Sequence[str], call: Call) -> Findings:
    subject = "brokergraph_erp.accounting_currency"
    try:
        currencies = [row["currency"] for row in await database.read(sql.accounting_currencies, call=call)]
        yield _currency(currencies, currency)
        subject = "brokergraph_erp.client"
        if not await database.read(sql.any_client, call=call):
            yield note(subject, "there is no client in it")
        subject = "brokergraph_erp.trading_account"
        for row in await database.read(sql.servers, call=call):
            if row["server"] not in configured:
                what = f"has accounts on the server {row['server']}, which has no live figures and takes no commands"
                yield note(subject, what, f"Add [servers.{row['server']}] if it should.")
    except UpstreamError as error:
        what = describe_database_error(error, database.config.url)
        yield wrong(subject, what, "The view exists but cannot be read; try it in psql.")


def _currency(found: Sequence[str], setting: str) -> Finding:
    subject = "erp.accounting_currency"
    if len(found) != 1:
        count = "no row" if not found else "several rows"
        return wrong(subject, f"the view accounting_currency has {count}, should have one", _PAGE)
    if found[0] != setting:
        return wrong(subject, f"is {setting}, but the ERP values balances in {found[0]}", f'Set it to "{found[0]}".')
    return ok(subject, setting)
