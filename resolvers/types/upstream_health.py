from datetime import datetime

import strawberry

from resolvers.context import Info
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.enums import UpstreamState, UpstreamSystem


@public(VALUE)
@strawberry.type(description="How an upstream has been doing lately, as this process sees it.")
class UpstreamHealth:
    system: UpstreamSystem = strawberry.field(description="The system.")
    name: str = strawberry.field(description="Which connection to it, as the configuration names it.")
    state: UpstreamState = strawberry.field(description="How it has been doing.")
    p95_seconds: float | None = strawberry.field(description="95 of 100 recent calls took no longer; null without any.")
    last_error: str | None = strawberry.field(description="What went wrong last; null while the last call went well.")
    since: datetime = strawberry.field(description="When the state began.")


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
