"""The registry: the only list of vendors. A new vendor is one folder and one line in VENDORS.

Settings sections, connections, trading servers, checks, the graph's UpstreamSystem and its @upstream directives are
derived from it. A vendor's module is imported at its first use.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from upstreams.vendors.kit.vendor import Role, Vendor

VENDORS: Final[Mapping[str, str]] = {
    "hyper": "upstreams.vendors.hyper",
    "cplugin": "upstreams.vendors.cplugin",
    "broker_work": "upstreams.vendors.broker_work",
    "broctagon": "upstreams.vendors.broctagon",
    "mt5_web": "upstreams.vendors.mt5_web",
}
"""The package that exports VENDOR, by settings section. The schema's enum values have the same order."""


@cache
def vendor_of(section: str) -> Vendor[Any, Any]:
    """The vendor of a settings section. Raises KeyError for another section."""
    found: Vendor[Any, Any] = import_module(VENDORS[section]).VENDOR
    return found


@cache
def all_vendors() -> Mapping[str, Vendor[Any, Any]]:
    """All vendors, by settings section."""
    return {section: vendor_of(section) for section in VENDORS}


def offering(role: Role) -> Mapping[str, Vendor[Any, Any]]:
    """The vendors that have this role, by settings section."""
    return {section: vendor for section, vendor in all_vendors().items() if vendor.offers(role)}


def sections(role: Role) -> str:
    """The settings sections of the vendors that have this role, for messages."""
    return " or ".join(f"[{section}]" for section in offering(role))


def adapters() -> list[str]:
    """The possible values of `adapter` in [servers.NAME]."""
    return [section for section, vendor in all_vendors().items() if vendor.servers is not None]
