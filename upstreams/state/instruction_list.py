"""The list of all instructions that a caller may see, by the time at which they were received."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

from core.call import Call
from core.keyset import Page, PageRequest, cut_page
from core.records import InstructionRecord
from core.visibility import Visibility
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_parts, read_statements
from upstreams.state.instruction_rows import instruction_record

_PARTS: Final = read_parts("state/instructions.sql")


@dataclass(frozen=True, slots=True)
class InstructionQuery:
    """Conditions for instructions; None means no condition. `created_to` itself is not included."""

    kinds: tuple[str, ...] | None = None
    statuses: tuple[str, ...] | None = None
    client_numbers: tuple[int, ...] | None = None
    servers: tuple[str, ...] | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    def parameters(self) -> tuple[Any, ...]:
        """$4 to $9 of the part `matching`."""
        times = (self.created_from, self.created_to)
        return (self.kinds, self.statuses, self.client_numbers, self.servers, *times)

    def matches(self, instruction: InstructionRecord, status: str) -> bool:
        """The same rule as the part `matching`, for an instruction that is at hand."""
        return (
            (self.kinds is None or instruction.kind in self.kinds)
            and (self.statuses is None or status in self.statuses)
            and (self.client_numbers is None or instruction.client_number in self.client_numbers)
            and (self.servers is None or instruction.server in self.servers)
            and (self.created_from is None or instruction.created_at >= self.created_from)
            and (self.created_to is None or instruction.created_at < self.created_to)
        )


class InstructionList:
    """Raises UpstreamError. Each method sends one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, query: InstructionQuery, page: PageRequest, visible: Visibility, call: Call, *, descending: bool
    ) -> Page[InstructionRecord]:
        """A page by time and number, which are the keys of its cursors."""
        rows = await self._database.read(
            _statements(descending, page.backward).page,
            *(*visible.of_instructions(), *query.parameters()),
            *(page.after or (None, None)),
            *(page.before or (None, None)),
            page.limit + 1,
            call=call,
        )
        return cut_page([instruction_record(row) for row in rows], page)

    async def count(self, query: InstructionQuery, visible: Visibility, call: Call) -> int:
        statement, values = _statements(False, False).count, (*visible.of_instructions(), *query.parameters())
        return int((await self._database.read(statement, *values, call=call))[0]["total"])


@lru_cache(maxsize=4)
def _statements(descending: bool, backward: bool) -> SimpleNamespace:  # noqa: FBT001 - keys of a cache.
    return read_statements(
        "state/instruction_list.sql",
        columns=_PARTS["columns"],
        visible=_PARTS["visible"],
        follows="<" if descending else ">",
        precedes=">" if descending else "<",
        way=" DESC" if descending != backward else "",
    )
