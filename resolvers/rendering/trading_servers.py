"""Trading servers. What the settings say of each is JSON already when PostgreSQL is asked, which only chooses."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec
from strawberry.utils.str_converters import to_camel_case

from engine.rendering import Arguments, RequestedField
from resolvers.context import Context, Services
from resolvers.rendering.compiler import Place, Writing
from resolvers.types.trading_server import TradingServer, trading_server, unconfigured
from upstreams.erp.rendering.sql_json import Json, Sql, joined, object_of, text

_NAME: Final = "name"
_ATTRIBUTES: Final = {to_camel_case(name): name for name in TradingServer.__dataclass_fields__}


def server(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    """An account's server; what the ERP names and the settings do not has nothing but its name."""
    column, configured = place.row.column("server"), _Configured(wanted)
    names, texts = (
        writing.composer.parameter(writing.parameter(value), "text[]") for value in (configured.names, configured.texts)
    )
    unknown = object_of(
        (one.key, text(column) if one.name == _NAME else [_json(unconfigured(""), one)]) for one in wanted.fields
    )
    return [Sql(f"coalesce(({texts})[array_position({names}, {column})], {joined(unknown)})")]


class _Configured:
    """Every server of the settings, made once: nothing in it is of a run."""

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
    said = wanted.type_name if wanted.name == "__typename" else getattr(found, _ATTRIBUTES[wanted.name])
    return msgspec.json.encode(said.name if isinstance(said, Enum) else said).decode()
