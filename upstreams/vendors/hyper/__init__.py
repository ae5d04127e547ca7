"""Hyper, the ERP's own API: a client's live balance, and a new trading account [D, H-1675, H-1244]."""

from typing import Final

from upstreams.vendors.hyper.api import SYSTEM, Hyper, check, connect
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.protocol import ErpApi
from upstreams.vendors.kit.vendor import Vendor


def _erp(connection: Hyper) -> ErpApi:
    return connection


VENDOR: Final = Vendor(
    system=SYSTEM,
    label="The ERP's API",
    description="Hyper, the ERP's HTTP API.",
    Config=HyperConfig,
    connect=connect,
    erp=_erp,
    check=check,
)
