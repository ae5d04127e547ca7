"""The plans of the statements that a server sends for a request: no large table may be read as a whole.

The database logs all statements of the server's role with their parameters. Each is prepared and explained with these
parameters as often as the database needs to choose a plan for all values.
"""

import re
import statistics
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


@dataclass(frozen=True)
class Work:
    """What the database does for the statements of a request: milliseconds of planning and of execution, pages, and the
    large tables that a statement reads as a whole.
    """

    planning: float = 0.0
    execution: float = 0.0
    pages: int = 0
    whole: frozenset[str] = frozenset()

    def __add__(self, other: "Work") -> "Work":
        times = (self.planning + other.planning, self.execution + other.execution)
        return Work(*times, self.pages + other.pages, self.whole | other.whole)


async def work_of(connection: Any, sent: Sent) -> Work:
    """The work of one statement, by the medians of some executions."""
    arguments = f"({', '.join(sent.parameters)})" if sent.parameters else ""
    await connection.execute(f"PREPARE sent AS {sent.statement}")
    try:
        plans = [await _plan(connection, f"EXPLAIN (FORMAT JSON) EXECUTE sent{arguments}") for _ in range(_EXECUTIONS)]
        found = {table for one in plans for table in _scanned(one["Plan"])}
        if plans[0]["Plan"]["Node Type"] == "ModifyTable":
            return Work(whole=frozenset(found & LARGE))
        analyzed = f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) EXECUTE sent{arguments}"
        plans = [await _plan(connection, analyzed) for _ in range(_EXECUTIONS)]
    finally:
        await connection.execute("DEALLOCATE sent")
    found |= set(_scanned(plans[-1]["Plan"]))
    planning, execution = (
        statistics.median(one[f"{name} Time"] for one in plans) for name in ("Planning", "Execution")
    )
    pages = sum(plans[-1]["Plan"][f"Shared {what} Blocks"] for what in ("Hit", "Read"))
    return Work(planning, execution, pages, frozenset(found & LARGE))


async def _plan(connection: Any, statement: str) -> dict[str, Any]:
    plan: dict[str, Any] = msgspec.json.decode(await connection.fetchval(statement))[0]
    return plan


def _scanned(plan: dict[str, Any]) -> Iterator[str]:
    """Tables that are read by a sequential scan, or by an index whose rows a filter removes."""
    if plan["Node Type"].endswith("Seq Scan") or plan.get("Rows Removed by Filter", 0) > MOST_REMOVED:
        yield plan.get("Relation Name", "")
    for below in plan.get("Plans", ()):
        yield from _scanned(below)
