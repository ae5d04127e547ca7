"""Reads clients as text. As in erp/reader.py, every method requires `visible`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from core.call import Call
from core.keyset import Page, PageRequest, cut_page
from core.visibility import Visibility
from upstreams.erp.list_statements import BY_KEY, ListOrder, Variant
from upstreams.erp.lists import bounds_of
from upstreams.erp.reader import AccountQuery, ClientQuery, optional_values, parts_of
from upstreams.erp.rendering.statement import Rows, Statement
from upstreams.flow.coalescing import Coalescing, Sharing
from upstreams.postgres.database import Database

_BEFORE_ALL: Final = -(2**63)
_AFTER_ALL: Final = 2**63 - 1
_ALL_CLIENTS: Final = ClientQuery()
# The maximum number of clients in the pages of one statement. With more clients, each waiter waits too long for the
# pages of others.
_MOST_CLIENTS: Final = 200

Texts = asyncpg.Record
"""A client's number, followed by its texts. In a page of lists.sql, the last columns are the key of the row, and the
value of its order for a cursor.
"""
Bounds = tuple[int, int]
"""The clients' numbers that bound a page. They are not on the page."""


class Question(NamedTuple):
    """The coalescing key: a statement, its parameters and the visibility of the caller. Requests with equal keys share
    a call. Pages also need the same length and direction.
    """

    statement: Statement
    parameters: tuple[Any, ...]
    visible: Visibility
    limit: int = 1
    backward: bool = False


class ClientTexts:
    """The ERP's clients, rendered. Raises Unavailable or Misunderstood. Parameters must be hashable. `sharing` is for
    clients by number. `concurrent_pages` limits the statements for pages that run at the same time.
    """

    def __init__(self, database: Database, sharing: Sharing, concurrent_pages: int) -> None:
        self._database = database
        self._by_number: Coalescing[Question, int, Texts] = Coalescing(
            self._ask_by_number, sharing, too_late=database.too_late, away=False
        )
        self._pages: Coalescing[Question, Bounds, list[Texts]] = Coalescing(
            self._ask_pages,
            Sharing(concurrent_pages, _MOST_CLIENTS),
            too_late=database.too_late,
            away=False,
            weight=lambda question: question.limit,
        )

    async def aclose(self) -> None:
        await self._by_number.aclose()
        await self._pages.aclose()

    async def page(  # noqa: PLR0913, PLR0917 - what a page is made of.
        self,
        statement: Statement,
        parameters: tuple[Any, ...],
        query: ClientQuery | AccountQuery,
        order: ListOrder,
        page: PageRequest,
        visible: Visibility,
        call: Call,
        *,
        looks_ahead: bool,
    ) -> Page[Texts]:
        """Like Lists.clients or Lists.accounts. Waiters for pages of all clients by number share a statement.
        `has_more` is only right with `looks_ahead`.
        """
        if isinstance(query, AccountQuery) or query.optional or order != BY_KEY:
            rows: Rows = "accounts" if isinstance(query, AccountQuery) else "clients"
            variant = Variant(order=order, backward=page.backward, optional=parts_of(query))
            ends = bounds_of(page, order, keys=2 if rows == "accounts" else 1)
            own = (*visible.of_clients(), *parameters, *query.parameters(), *ends, *optional_values(query))
            listed = statement.listed(rows, variant).of(self._database.major)
            return cut_page(await self._database.read(listed, *own, call=call), page)
        after, before = (keys[0] if keys else None for keys in (page.after, page.before))
        bounds = (_BEFORE_ALL if after is None else after, _AFTER_ALL if before is None else before)
        limit = page.limit + looks_ahead
        if query == _ALL_CLIENTS:
            question = Question(statement, parameters, visible, limit, page.backward)
            found: Sequence[Texts] = (await self._pages.ask(question, [bounds], call))[bounds]
        else:
            sql = statement.filtered_backward if page.backward else statement.filtered_forward
            own = (*visible.of_clients(), *parameters, *query.parameters(), *bounds, limit)
            found = await self._database.read(sql.of(self._database.major), *own, call=call)
        return cut_page(found[::-1] if page.backward else found, page)

    async def by_number(
        self,
        statement: Statement,
        parameters: tuple[Any, ...],
        numbers: Sequence[int],
        visible: Visibility,
        call: Call,
    ) -> Mapping[int, Texts]:
        """Like erp.clients. Waiters for the same texts share a call."""
        return await self._by_number.ask(Question(statement, parameters, visible), numbers, call)

    async def _ask_by_number(self, question: Question, numbers: Sequence[int], call: Call) -> dict[int, Texts]:
        own = (*question.visible.of_clients(), *question.parameters, numbers)
        sql = question.statement.by_number.of(self._database.major)
        rows = await self._database.read(sql, *own, call=call, keys=len(numbers))
        return {row[0]: row for row in rows}

    async def _ask_pages(self, question: Question, pages: Sequence[Bounds], call: Call) -> dict[Bounds, list[Texts]]:
        statement = question.statement
        sql = statement.backward if question.backward else statement.forward
        after, before = zip(*pages, strict=True)
        own = (*question.visible.of_clients(), *question.parameters, after, before, question.limit)
        found: dict[Bounds, list[Texts]] = {page: [] for page in pages}
        for row in await self._database.read(sql.of(self._database.major), *own, call=call, keys=len(pages)):
            found[pages[row[-1] - 1]].append(row)
        return found
