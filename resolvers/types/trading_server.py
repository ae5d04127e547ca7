from collections.abc import Mapping
from enum import Enum

import msgspec
import strawberry

from engine.rendering import Arguments, RequestedField
from resolvers.context import Context, Info, Services
from resolvers.fields.rendering import Compilation, Json, Place, rendered, sql
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.enums import Platform, UpstreamSystem, code_of


@public(VALUE)
@strawberry.type(
    description="A trading server. `system` is null for a server of the ERP that is not in the configuration."
)
class TradingServer:
    name: str = strawberry.field(description="The name of the server in the ERP, such as R1.")
    platform: Platform = strawberry.field(description="The platform that runs on it.")
    system: UpstreamSystem | None = strawberry.field(description="The vendor's API for this server.")
    can_create_accounts: bool = strawberry.field(
        description="Whether createTradingAccount can make accounts on this server."
    )
    can_deposit: bool = strawberry.field(description="Whether deposit works on its accounts.")
    can_withdraw: bool = strawberry.field(description="Whether withdraw works on its accounts.")
    has_live_figures: bool = strawberry.field(
        description="Whether its accounts have TradingAccount.live. Without it `live` is null."
    )
    has_open_positions: bool = strawberry.field(
        description="Whether its accounts have TradingAccount.openPositions. Without it `openPositions` is null."
    )
    has_closed_trades: bool = strawberry.field(
        description="Whether its accounts have TradingAccount.closedTrades. Without it `closedTrades` is null."
    )
    has_daily_reports: bool = strawberry.field(
        description="Whether its accounts have TradingAccount.dailyReports. Without it `dailyReports` is null."
    )


def trading_server(name: str, services: Services) -> TradingServer:
    """A server of the settings, or a server with only its name if it is not in the settings."""
    link = services.upstreams.platforms.get(name)
    return TradingServer(
        name=name,
        platform=code_of(Platform, link and services.upstreams.servers[name].platform, Platform.UNRECOGNISED),
        system=None if link is None else UpstreamSystem(link.system),
        can_create_accounts=link is not None and link.accounts is not None,
        can_deposit=link is not None and link.deposits is not None,
        can_withdraw=link is not None and link.withdrawals is not None,
        has_live_figures=link is not None and link.live is not None,
        has_open_positions=link is not None and link.open_positions is not None,
        has_closed_trades=link is not None and link.closed_trades is not None,
        has_daily_reports=link is not None and link.daily_reports is not None,
    )


_UNCONFIGURED = TradingServer(
    name="",
    platform=Platform.UNRECOGNISED,
    system=None,
    can_create_accounts=False,
    can_deposit=False,
    can_withdraw=False,
    has_live_figures=False,
    has_open_positions=False,
    has_closed_trades=False,
    has_daily_reports=False,
)


async def trading_servers(info: Info) -> list[TradingServer]:
    services = info.context.services
    return [trading_server(name, services) for name in sorted(services.upstreams.servers)]


def _server(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    """Renders the server of an account. A server that is not in the settings has only its name."""
    column, configured = place.row.column("server"), _Configured(wanted)
    names, texts = (
        compilation.builder.parameter(compilation.parameter(value), "text[]")
        for value in (configured.names, configured.texts)
    )
    unknown = sql.object_of(
        (one.key, sql.text(column) if one.name == "name" else [_json(_UNCONFIGURED, one)]) for one in wanted.fields
    )
    return sql.chosen(texts, names, column, unknown)


SERVER = rendered(_server)
"""All fields of the server. PostgreSQL chooses among values that are JSON already."""


class _Configured:
    """Every server of the settings as JSON. It is made once, because no run changes it."""

    def __init__(self, wanted: RequestedField) -> None:
        self._wanted = wanted
        self._services: Services | None = None
        self._by_name: Mapping[str, str] = {}

    def names(self, context: Context, _arguments: Arguments) -> tuple[str, ...]:
        return tuple(self._made(context.services))

    def texts(self, context: Context, _arguments: Arguments) -> tuple[str, ...]:
        return tuple(self._made(context.services).values())

    def _made(self, services: Services) -> Mapping[str, str]:
        if self._services is not services:
            self._by_name = {name: self._text(trading_server(name, services)) for name in services.upstreams.servers}
            self._services = services
        return self._by_name

    def _text(self, found: TradingServer) -> str:
        return "{" + ",".join(f'"{one.key}":{_json(found, one)}' for one in self._wanted.fields) + "}"


def _json(found: TradingServer, wanted: RequestedField) -> str:
    definition = wanted.plan.definition.strawberry
    value = wanted.type_name if definition is None else getattr(found, definition.python_name)
    return msgspec.json.encode(value.name if isinstance(value, Enum) else value).decode()
