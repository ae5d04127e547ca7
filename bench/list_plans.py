"""The plans of the statements that a server sends for a request: no large table may be read as a whole.

The database logs all statements of the server's role with their parameters. Each is prepared and explained with these
parameters as often as the database needs to choose a plan for all values.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from sandbox.settings import GRAPH_ROLE

LARGE = {
    *("clients", "clients_website_ext_record", "tpm_account_status", "journal", "secured_amounts"),
    *("client_total", "instruction"),
}
# An index scan that removes more rows than these reads the table as a whole.
MOST_REMOVED = 100_000
# After five executions PostgreSQL may choose a plan for all values.
_EXECUTIONS = 7
_ENTRY = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] ", re.MULTILINE)
_EXECUTED = re.compile(r"LOG:  execute [^:]*: (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")


@dataclass(frozen=True)
class Sent:
    """A statement with its parameters as SQL."""

    statement: str
    parameters: tuple[str, ...]


class StatementLog:
    """What the server's role sends. It is logged only by connections that begin while the log is on."""

    def __init__(self, path: Path, connection: Any) -> None:
        self._path = path
        self._connection = connection
        self._read = 0

    async def turn(self, *, on: bool) -> None:
        way = "SET log_statement = 'all'" if on else "RESET log_statement"
        await self._connection.execute(f"ALTER ROLE {GRAPH_ROLE} {way}")

    def sent(self) -> list[Sent]:
        """The statements since the last call."""
        with self._path.open("rb") as log:
            log.seek(self._read)
            text = log.read().decode()
            self._read = log.tell()
        return list(_statements(text))


def _statements(text: str) -> Iterator[Sent]:
    starts = [found.start() for found in _ENTRY.finditer(text)] + [len(text)]
    entries = [_ENTRY.sub("", text[start:end]).replace("\n\t", "\n").strip() for start, end in pairwise(starts)]
    for entry, detail in zip(entries, [*entries[1:], ""], strict=True):
        if found := _EXECUTED.fullmatch(entry):
            values = _PARAMETER.findall(detail) if detail.startswith("DETAIL:") else []
            yield Sent(found[1], tuple(values))


async def whole_reads(connection: Any, sent: Sent) -> set[str]:
    """The large tables that the statement reads as a whole."""
    arguments = f"({', '.join(sent.parameters)})" if sent.parameters else ""
    found: set[str] = set()
    plan: dict[str, Any] = {}
    await connection.execute(f"PREPARE sent AS {sent.statement}")
    try:
        for _ in range(_EXECUTIONS):
            plan = await _plan(connection, f"EXPLAIN (FORMAT JSON) EXECUTE sent{arguments}")
            found |= set(_scanned(plan))
        if plan["Node Type"] != "ModifyTable":
            found |= set(_scanned(await _plan(connection, f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE sent{arguments}")))
    finally:
        await connection.execute("DEALLOCATE sent")
    return found & LARGE


async def _plan(connection: Any, statement: str) -> dict[str, Any]:
    plan: dict[str, Any] = msgspec.json.decode(await connection.fetchval(statement))[0]["Plan"]
    return plan


def _scanned(plan: dict[str, Any]) -> Iterator[str]:
    """Tables that are read by a sequential scan, or by an index whose rows a filter removes."""
    if plan["Node Type"].endswith("Seq Scan") or plan.get("Rows Removed by Filter", 0) > MOST_REMOVED:
        yield plan.get("Relation Name", "")
    for below in plan.get("Plans", ()):
        yield from _scanned(below)
