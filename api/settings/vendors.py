"""The sections of the registry's vendors: [NAME], or [NAME.CONNECTION] for each connection of a vendor."""

from typing import Any, Literal

import msgspec

from upstreams.open import Key, UpstreamsConfig
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.vendor import Vendor
from upstreams.vendors.registry import adapters, all_vendors


def vendor_fields() -> list[tuple[str, Any, Any]]:
    """The fields for msgspec.defstruct: one for each vendor, and [servers] with the vendors as values of `adapter`."""
    adapter: Any = Literal[tuple(sorted(adapters()))]
    server: Any = msgspec.defstruct(
        "ServerConfig",
        [("adapter", adapter)],
        bases=(ServerConfig,),
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
    )
    return [
        ("servers", dict[str, server], msgspec.field(default_factory=dict)),
        *((section, *_section(vendor)) for section, vendor in all_vendors().items()),
    ]


def _section(vendor: Vendor[Any, Any]) -> tuple[Any, Any]:
    config: Any = vendor.Config
    if vendor.is_single:
        return config | None, None
    return dict[str, config], msgspec.field(default_factory=dict)


def upstreams_config(settings: Any, servers: dict[str, ServerConfig]) -> UpstreamsConfig:
    """The connections and servers in the settings."""
    connections: dict[Key, Any] = {}
    for section, vendor in all_vendors().items():
        found = getattr(settings, section)
        if vendor.is_single:
            connections |= {} if found is None else {(section, ""): found}
        else:
            connections |= {(section, name): connection for name, connection in found.items()}
    return UpstreamsConfig(connections=connections, servers=servers)
