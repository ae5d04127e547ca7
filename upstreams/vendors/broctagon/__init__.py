"""Broctagon's CRM Open API: requests to open an account, deposits and withdrawals on MT4 [D, B-*]."""

from typing import Final

from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.broctagon.crm import SYSTEM, check, connect
from upstreams.vendors.broctagon.trading_server import build
from upstreams.vendors.kit.vendor import Servers, Vendor

VENDOR: Final = Vendor(
    system=SYSTEM,
    label="The CRM",
    description="Broctagon's CRM Open API.",
    Config=BroctagonConfig,
    connect=connect,
    servers=Servers(build, {"MT4": frozenset({"deposits", "withdrawals"})}),
    crm=lambda broctagon: broctagon,
    check=check,
)
