"""A GraphQL request, as the HTTP layer passes it to the executor, and the response."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.call import BudgetStanding


class GraphQLRequest(msgspec.Struct, frozen=True):
    """A request has a `query`, a `document_id` or a `sha256` (of Apollo's clients). `sha256` may come together with a
    query.

    Before the request runs, `query` is set to the text of the named document. `explain` requests `extensions.plan`,
    `show_cost` requests `extensions.cost`.
    """

    query: str | None = None
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    explain: bool = False
    show_cost: bool = False
    document_id: str | None = None
    sha256: str | None = None

    @property
    def text(self) -> str:
        """The text of the document, after the document was found."""
        assert self.query is not None, "the document is found before the request runs"
        return self.query


class GraphQLResponse(msgspec.Struct, frozen=True):
    """`body` is the JSON of the answer. `executed` is false if the request was refused before the operation ran.
    `standing` is the caller's remaining budget, if the caller has a budget.
    """

    body: dict[str, Any]
    executed: bool
    refused_method: bool = False
    refused_budget: bool = False
    standing: BudgetStanding | None = None
    operation: str | None = None
    """The name of the operation that ran."""
