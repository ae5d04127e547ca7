from collections.abc import Mapping
from typing import Any

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """A well-formed request. It has a `query`, a `document_id` or a `sha256` (Apollo's), the last also with a query."""

    query: str | None
    document_id: str | None
    sha256: str | None
    variables: Mapping[str, Any] | None
    operation_name: str | None
    explain: bool
    show_cost: bool
