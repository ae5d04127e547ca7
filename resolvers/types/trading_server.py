import strawberry

from resolvers.context import Info, Services
from resolvers.policy.enums import Platform, UpstreamSystem, code_of


@strawberry.type(
    description="A trading server. `system` is null for a server that the ERP names and the configuration does not."
)
class TradingServer:
    name: str = strawberry.field(description="The ERP's data source, such as R1.")
    platform: Platform = strawberry.field(description="The platform that runs on it.")
    system: UpstreamSystem | None = strawberry.field(description="The vendor's API that leads to it.")
    can_create_accounts: bool = strawberry.field(description="Whether createTradingAccount may name it.")
    can_deposit: bool = strawberry.field(description="Whether deposit works on its accounts.")
    has_live_figures: bool = strawberry.field(description="Whether TradingAccount.live works on its accounts.")


def trading_server(name: str, services: Services) -> TradingServer:
    """What the configuration says of a server, or what little there is to say of an unconfigured one."""
    link = services.upstreams.platforms.get(name)
    if link is None:
        return unconfigured(name)
    return TradingServer(
        name=name,
        platform=code_of(Platform, services.upstreams.servers[name].platform, Platform.UNRECOGNISED),
        system=UpstreamSystem(link.system),
        can_create_accounts=link.accounts is not None,
        can_deposit=link.deposits is not None,
        has_live_figures=link.live is not None,
    )


def unconfigured(name: str) -> TradingServer:
    return TradingServer(
        name=name,
        platform=Platform.UNRECOGNISED,
        system=None,
        can_create_accounts=False,
        can_deposit=False,
        has_live_figures=False,
    )


async def trading_servers(info: Info) -> list[TradingServer]:
    services = info.context.services
    return [trading_server(name, services) for name in sorted(services.upstreams.servers)]
