from typing import Literal

import msgspec

PlatformName = Literal["MT4", "MT5", "CTRADER", "MTR", "WTA", "FORTEX"]


class ServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[servers.NAME]: a trading server, named as the ERP's data source names it. `adapter` is its vendor's section."""

    platform: PlatformName
    adapter: str
    connection: str = ""
    id: str
    timezone: str = "UTC"
    deposits: bool = False
    groups: tuple[str, ...] = ()
