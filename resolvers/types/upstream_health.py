from datetime import datetime

import strawberry

from resolvers.context import Info
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.enums import UpstreamState, UpstreamSystem


@public(VALUE)
@strawberry.type(description="The health of an upstream in the recent calls of this process.")
class UpstreamHealth:
    system: UpstreamSystem = strawberry.field(description="The system.")
    name: str = strawberry.field(description="The name of the connection in the configuration.")
    state: UpstreamState = strawberry.field(description="The health of the connection.")
    p95_seconds: float | None = strawberry.field(
        description="The 95th percentile of the durations of recent calls; null without calls."
    )
    last_error: str | None = strawberry.field(description="The error of the last call; null if it succeeded.")
    since: datetime = strawberry.field(description="The start of the current state.")


async def upstreams(info: Info) -> list[UpstreamHealth]:
    return [
        UpstreamHealth(
            system=UpstreamSystem(link.system),
            name=link.name,
            state=UpstreamState(link.state.value),
            p95_seconds=link.p95_seconds,
            last_error=link.last_error,
            since=link.since,
        )
        for link in info.context.services.upstreams.health()
    ]
