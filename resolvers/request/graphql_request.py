"""A GraphQL request as its caller sent it, from the HTTP body to the executor."""

from collections.abc import Mapping
from typing import Any

import msgspec


class GraphQLRequest(msgspec.Struct, frozen=True):
    """It has a `query`, a `document_id` or a `sha256` (Apollo's), the last also together with a query.

    Before it runs, `query` is the text of the document that it names. `explain` asks for `extensions.plan`, `show_cost`
    for `extensions.cost`.
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
        """The text of its document, once the document is found."""
        assert self.query is not None, "the document is found before the request runs"
        return self.query
