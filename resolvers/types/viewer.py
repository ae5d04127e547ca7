from datetime import datetime, timedelta

import strawberry

from resolvers.context import Info
from resolvers.policy.authorization import VALUE, public


@public(VALUE)
@strawberry.type(description="What may still be spent before a caller has to wait.")
class Budget:
    limit: int = strawberry.field(
        description="How much operations of this kind may spend in a minute: a part is for mutations alone."
    )
    remaining: int = strawberry.field(description="How much of it is left.")
    resets_at: datetime = strawberry.field(description="When the whole of it is there again.")


@public(VALUE)
@strawberry.type(description="The caller.")
class Viewer:
    name: str = strawberry.field(
        description=("The API key's id; for a token its issuer's name in the settings, and a hash of the subject.")
    )
    scopes: list[str] = strawberry.field(description="What the caller may do.")
    agencies: list[int] | None = strawberry.field(
        description="The agencies whose clients the caller may see; null for all. A client's own token has none: "
        "it sees that client alone."
    )
    budget: Budget | None = strawberry.field(
        description="What the caller may still spend; null where nothing limits it."
    )


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
