"""Asks for clients as text. Like upstreams/erp.py it takes `visible` with every question; there is no way past it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from upstreams.call import Call
from upstreams.database import Database
from upstreams.erp import ClientQuery
from upstreams.gate import Gate, Sharing
from upstreams.paging import Page, PageRequest, cut
from upstreams.texts.statement import Statement
from upstreams.visibility import Visibility

_BEFORE_ALL: Final = -(2**63)
_AFTER_ALL: Final = 2**63 - 1
_EVERYBODY: Final = ClientQuery()

# A statement, what its parameters are, and what the asker may see: those who wait for the same share a call.
Question = tuple[Statement, tuple[Any, ...], Visibility]
Texts = asyncpg.Record
"""A client's number, and then its texts."""


class ClientTexts:
    """The ERP's clients, rendered. Raises Unavailable or Misunderstood."""

    def __init__(self, database: Database, sharing: Sharing) -> None:
        self._database = database
        self._by_number: Gate[Question, int, Texts] = Gate(
            self._ask_by_number, sharing, too_late=database.too_late, away=False
        )

    async def aclose(self) -> None:
        await self._by_number.aclose()

    async def page(  # noqa: PLR0913, PLR0917 - what a page is made of.
        self,
        statement: Statement,
        parameters: Sequence[Any],
        query: ClientQuery,
        page: PageRequest,
        visible: Visibility,
        call: Call,
        *,
        looks_ahead: bool,
    ) -> Page[Texts]:
        """As erp.client_page. Whether there is more is known only to who looks ahead."""
        after, before = (keys[0] if keys else None for keys in (page.after, page.before))
        bounds = (_BEFORE_ALL if after is None else after, _AFTER_ALL if before is None else before)
        if query == _EVERYBODY:
            sql, own = (statement.backward if page.backward else statement.forward), ()
        else:
            sql = statement.filtered_backward if page.backward else statement.filtered_forward
            own = query.parameters()
        rows = await self._database.read(
            sql, *visible.of_clients(), *parameters, *own, *bounds, page.limit + looks_ahead, call=call
        )
        return cut(rows[::-1] if page.backward else rows, page)

    async def by_number(
        self,
        statement: Statement,
        parameters: tuple[Any, ...],
        numbers: Sequence[int],
        visible: Visibility,
        call: Call,
    ) -> Mapping[int, Texts]:
        """As erp.clients; shared with whoever waits for the same texts. `parameters` must be hashable."""
        return await self._by_number.ask((statement, parameters, visible), numbers, call)

    async def _ask_by_number(self, question: Question, numbers: Sequence[int], call: Call) -> dict[int, Texts]:
        statement, parameters, visible = question
        rows = await self._database.read(
            statement.by_number, *visible.of_clients(), *parameters, numbers, call=call, keys=len(numbers)
        )
        return {row[0]: row for row in rows}
