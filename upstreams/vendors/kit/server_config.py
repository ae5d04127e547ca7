from typing import Literal

import msgspec

PlatformName = Literal["MT4", "MT5", "CTRADER", "MTR", "WTA", "FORTEX"]


class ServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[servers.NAME]: a trading server with the ERP's name for it. `adapter` is the section of its vendor."""

    platform: PlatformName
    adapter: str
    connection: str = ""
    id: str
    timezone: str = "UTC"
    deposits: bool = False
    withdrawals: bool = False
    groups: tuple[str, ...] = ()
    demo_groups: tuple[str, ...] | None = None
