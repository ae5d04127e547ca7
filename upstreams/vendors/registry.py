"""The one list of vendors. A new vendor is one folder and one line in VENDORS.

Everything that names a vendor elsewhere is derived from here: settings sections, connections, trading servers, checks,
the graph's UpstreamSystem and its @upstream directives. A vendor's module is imported when it is first used.
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
}
"""The settings section, and the package that exports VENDOR. The order is that of the schema's enum values."""


@cache
def vendor_of(section: str) -> Vendor[Any, Any]:
    """The vendor of a settings section. Raises KeyError for a section that is no vendor's."""
    found: Vendor[Any, Any] = import_module(VENDORS[section]).VENDOR
    return found


@cache
def all_vendors() -> Mapping[str, Vendor[Any, Any]]:
    """By settings section."""
    return {section: vendor_of(section) for section in VENDORS}


def offering(role: Role) -> Mapping[str, Vendor[Any, Any]]:
    """The vendors that may have this port, by settings section."""
    return {section: vendor for section, vendor in all_vendors().items() if vendor.offers(role)}


def sections(role: Role) -> str:
    """The settings sections of those vendors, for messages."""
    return " or ".join(f"[{section}]" for section in offering(role))


def adapters() -> list[str]:
    """What `adapter` in [servers.NAME] may be."""
    return [section for section, vendor in all_vendors().items() if vendor.servers is not None]
