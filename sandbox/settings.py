"""Constants of the sandbox: credentials of its vendors, its trading servers, its CRM connections.

All values are invented. The seed, the vendor servers and the settings file for the graph use them.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

PlatformName = Literal["MT4", "MT5", "CTRADER"]


def made_up(name: str, length: int) -> str:
    """A credential that looks random and is the same on every machine and at every start."""
    digits = ""
    while len(digits) < length:
        digits += sha256(f"{name}/{len(digits)}".encode()).hexdigest()
    return digits[:length]


HYPER_ACCESS_TOKEN = made_up("hyper access", 120)
"""120 characters, valid for one hour [D, H-1445]. After a refresh the vendor server has another token."""
HYPER_REFRESH_TOKEN = made_up("hyper refresh", 200)
CPLUGIN_CLIENT_ID = "brokergraph-sandbox"
CPLUGIN_CLIENT_SECRET = made_up("cplugin client", 40)
BROKER_WORK_TENANT = "T001117"
BROKER_WORK_TOKEN = made_up("broker work", 32)
BROCTAGON_KEY = made_up("broctagon", 40)
MT5_WEB_LOGIN = "1001"
MT5_WEB_PASSWORD = f"Aa#{made_up('mt5 web', 13)}"

ACCOUNTING_CURRENCY = "ILS"
DATABASE = "brokergraph"
SANDBOX_ROLE = "sandbox"
GRAPH_ROLE = "brokergraph"


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    currency: str
    leverage: int


@dataclass(frozen=True, slots=True)
class Server:
    """A trading server. `face` is the vendor of its API. Logins of generated accounts begin with `generated_from`."""

    name: str
    platform: PlatformName
    face: str
    connection: str
    vendor_id: str
    timezone: str
    deposits: bool
    groups: tuple[Group, ...]
    next_login: int
    generated_from: int
    withdrawals: bool = False


_R_GROUPS = (Group("Basic_IL2", "USD", 100), Group("Basic_EU", "EUR", 100), Group("Pro_IL", "ILS", 50))

SERVERS = (
    Server(
        name="R1",
        platform="MT4",
        face="cplugin",
        connection="main",
        vendor_id="0b6f2a54-5b0e-4f0c-9d0e-52c1e9a7d101",
        timezone="Europe/Athens",
        deposits=True,
        groups=_R_GROUPS,
        next_login=636400,  # The answer of Create_TP_Account_Json for client 500014 in its document [D, H-1675].
        generated_from=10_000_000,
        withdrawals=True,
    ),
    Server(
        name="R2",
        platform="MT5",
        face="cplugin",
        connection="main",
        vendor_id="7c1d9e3b-88f4-4a55-8c0f-0d6f3e21b202",
        timezone="Europe/Athens",
        deposits=False,
        groups=(Group("real\\standard", "USD", 100), Group("real\\euro", "EUR", 200)),
        next_login=5_900_000_000,
        generated_from=5_000_000_000,  # Because MT5 logins have 64 bits, these logins are large.
    ),
    Server(
        name="R3",
        platform="MT4",
        face="cplugin",
        connection="legacy",
        vendor_id="e95a7f10-2c66-4b7f-a1d8-64b0a5c8e303",
        timezone="Europe/London",
        deposits=True,
        groups=(Group("Classic", "USD", 200), Group("Classic_GBP", "GBP", 200)),
        next_login=930_000,
        generated_from=30_000_000,
        withdrawals=True,
    ),
    Server(
        name="L1",
        platform="CTRADER",
        face="broker_work",
        connection="main",
        vendor_id="1",
        timezone="Asia/Shanghai",
        deposits=False,
        groups=(Group("Default", "EUR", 20), Group("HFT", "USD", 300)),
        next_login=3_900_000,
        generated_from=40_000_000,
    ),
    Server(
        name="L2",
        platform="MT4",
        face="broker_work",
        connection="main",
        vendor_id="2",
        timezone="Asia/Shanghai",
        deposits=False,
        groups=(Group("Standard", "USD", 100),),
        next_login=950_000,
        generated_from=50_000_000,
    ),
    Server(
        name="A1",
        platform="MT4",
        face="broctagon",
        connection="",
        vendor_id="mt4live1",
        timezone="Europe/Athens",
        deposits=True,
        groups=(Group("AxisStd", "USD", 400), Group("AxisEur", "EUR", 400)),
        next_login=960_000,
        generated_from=60_000_000,
        withdrawals=True,
    ),
    Server(
        name="M1",
        platform="MT5",
        face="mt5_web",
        connection="direct",
        vendor_id=MT5_WEB_LOGIN,
        timezone="Europe/Athens",
        deposits=True,
        groups=(Group("real\\direct", "USD", 100), Group("real\\direct euro", "EUR", 200)),
        next_login=8_800_000_000,
        generated_from=8_000_000_000,
        withdrawals=True,
    ),
)

UNCONFIGURED_SERVER = "X9"
"""The ERP has accounts of this M2M server. The server is not in the settings, and no vendor has it."""
UNCONFIGURED_PLATFORM = "M2M"
UNCONFIGURED_FROM = 70_000_000


@dataclass(frozen=True, slots=True)
class CrmConnection:
    """A connection of the CRM to a trading platform. Its id has 8 characters."""

    id: str
    platform: Literal["mt4", "mt5", "mtr", "wta", "ctrader", "fortex"]
    server: str | None = None
    is_demo: bool = False
    account_limit: int = 10
    account_types: tuple[str, ...] = ()


CRM_CONNECTIONS = (
    CrmConnection("mt4live1", "mt4", server="A1", account_types=("typemt41", "typemt42")),
    CrmConnection("mt4demo1", "mt4", is_demo=True),
    CrmConnection("mt4full1", "mt4", account_limit=0),
    CrmConnection("mt5live1", "mt5", account_types=("typemt51",)),
    CrmConnection("mtrlive1", "mtr"),
    CrmConnection("wtalive1", "wta"),
    CrmConnection("ctrlive1", "ctrader", account_types=("typectr1",)),
    CrmConnection("fortex01", "fortex", account_types=("typefor1",)),
)
