"""Hyper, the ERP's own API: a client's live balance, and a new trading account [D, H-1675, H-1244]."""

from typing import Final

from upstreams.vendors.hyper.api import SYSTEM, check, connect
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.vendor import Vendor

VENDOR: Final = Vendor(
    system=SYSTEM,
    label="The ERP's API",
    description="Hyper, the ERP's HTTP API.",
    Config=HyperConfig,
    connect=connect,
    erp=lambda hyper: hyper,
    check=check,
)
