from datetime import datetime, timedelta

import strawberry

from resolvers.context import Info
from resolvers.policy.authorization import VALUE, public


@public(VALUE)
@strawberry.type(description="The caller's budget for operations.")
class Budget:
    limit: int = strawberry.field(
        description="The maximum cost of operations of this kind in a minute. A part of the budget is reserved for "
        "mutations."
    )
    remaining: int = strawberry.field(description="The remaining part of the limit.")
    resets_at: datetime = strawberry.field(description="The time at which the whole limit is available again.")


@public(VALUE)
@strawberry.type(description="The caller.")
class Viewer:
    name: str = strawberry.field(
        description=(
            "The id of the API key. For a token: the issuer's name in the settings, and a hash of the subject."
        )
    )
    scopes: list[str] = strawberry.field(description="The permissions of the caller.")
    agencies: list[int] | None = strawberry.field(
        description="The agencies whose clients the caller may see; null for all. A client's own token has no agency "
        "and sees only this client."
    )
    budget: Budget | None = strawberry.field(description="The caller's remaining budget; null without a limit.")


async def viewer(info: Info) -> Viewer:
    caller = info.context.caller
    sees_all = caller.agencies is None and caller.client_number is None
    agencies = None if sees_all else sorted(caller.agencies or ())
    return Viewer(name=caller.name, scopes=sorted(caller.scopes), agencies=agencies, budget=_budget(info))


def _budget(info: Info) -> Budget | None:
    standing, clock = info.context.standing, info.context.services.clock
    if standing is None:
        return None
    resets_at = clock.now() + timedelta(seconds=standing.full_in_seconds)
    return Budget(limit=standing.limit, remaining=standing.remaining, resets_at=resets_at)
