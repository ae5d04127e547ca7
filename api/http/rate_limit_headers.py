"""What a caller has left, as headers: the IETF's draft "RateLimit header fields for HTTP" (httpapi, in its form from
draft 08 on: two structured fields, an item for each policy).
"""

import math

from core.budget import BudgetStanding

_WINDOW_SECONDS = 60
# The draft's units are requests, bytes and concurrent requests; a cost is none of them, and says so.
_UNIT = 'qu="cost"'
_QUERY, _MUTATION = '"query"', '"mutation"'


def budget_policy(query_limit: int, mutation_limit: int) -> str:
    """RateLimit-Policy, of both lanes."""
    policies = ((_QUERY, query_limit), (_MUTATION, mutation_limit))
    return ", ".join(f"{name};q={limit};w={_WINDOW_SECONDS};{_UNIT}" for name, limit in policies)


def budget_headers(standing: BudgetStanding | None, policy: str) -> dict[str, str]:
    """RateLimit of the lane that was used, RateLimit-Policy of both; nothing where nothing limits the caller.

    `t` is how long until the whole budget is there again. A bucket fills all the time: Retry-After, which is sent with
    429, says when there is enough for the same operation.
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
