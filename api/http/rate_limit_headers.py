"""The caller's remaining budget as headers of the IETF's draft "RateLimit header fields for HTTP" (httpapi, in its form
from draft 08 on: two structured fields, an item for each policy).
"""

import math

from core.call import BudgetStanding

_WINDOW_SECONDS = 60
# The draft's units are requests, bytes and concurrent requests. A cost is another unit, which `qu` names.
_UNIT = 'qu="cost"'
_QUERY, _MUTATION = '"query"', '"mutation"'


def budget_policy(query_limit: int, mutation_limit: int) -> str:
    """The header RateLimit-Policy, for queries and mutations."""
    policies = ((_QUERY, query_limit), (_MUTATION, mutation_limit))
    return ", ".join(f"{name};q={limit};w={_WINDOW_SECONDS};{_UNIT}" for name, limit in policies)


def budget_headers(standing: BudgetStanding | None, policy: str) -> dict[str, str]:
    """RateLimit for the kind of this operation, RateLimit-Policy for both kinds; no headers for a caller without a
    budget.

    `t` is the time until the whole budget is available again. Retry-After, which is sent with 429, is the time until
    the budget is enough for the same operation.
    """
    if standing is None:
        return {}
    headers = {
        "RateLimit-Policy": policy,
        "RateLimit": f"{_MUTATION if standing.mutation else _QUERY};r={standing.remaining}"
        f";t={math.ceil(standing.full_in_seconds)}",
    }
    if not standing.granted:
        headers["Retry-After"] = str(math.ceil(standing.retry_after_seconds))
    return headers
