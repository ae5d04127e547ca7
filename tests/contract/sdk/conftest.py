"""Accounts of the sandbox that the vendor's own SDKs work on."""

from dataclasses import dataclass

import pytest

from sandbox.settings import SERVERS

PLATFORM_ID = {server.name: server.vendor_id for server in SERVERS}


@dataclass(frozen=True)
class Witness:
    """Where the SDKs look; the last three logins are in the sandbox for other tests too, so only differences count."""

    mt4_platform: str
    mt5_platform: str
    trading_login: int
    mt5_login: int
    mt5_group: str


@pytest.fixture
async def witness(box, database) -> Witness:
    mt5 = await database.fetchrow("SELECT login, group_name FROM platform.account WHERE server = 'R2' ORDER BY login")
    trading = await database.fetchval(
        "SELECT login FROM platform.account WHERE server = 'R1' AND enabled AND margin > 0 ORDER BY login DESC LIMIT 1"
    )
    return Witness(PLATFORM_ID["R1"], PLATFORM_ID["R2"], trading, mt5["login"], mt5["group_name"])
