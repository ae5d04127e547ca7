"""What has to be known of each upstream before it can be called; filled from the settings file by `api/settings.py`."""

from typing import Annotated, Literal

import msgspec

from upstreams.secret import Secret

PlatformName = Literal["MT4", "MT5", "CTRADER", "MTR", "WTA", "FORTEX"]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How hard one vendor connection may be driven, and when to stop asking it."""

    connect_timeout_seconds: float = 2.0
    read_timeout_seconds: float = 10.0
    total_timeout_seconds: float = 15.0
    max_in_flight: int = 16
    max_waiting: int = 256
    write_reserve: float = 0.2
    requests_per_minute: float | None = None
    read_attempts: int = 2
    breaker_failures: int = 5
    breaker_open_seconds: float = 5.0
    max_answer_bytes: int = 4 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 0 <= self.write_reserve < 1:
            raise ValueError("write_reserve is a share: from 0 to less than 1")


class HyperLimits(Limits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same with a lower default: the ERP takes few calls at once, and takes its time over a new account."""

    max_in_flight: int = 4
    total_timeout_seconds: float = 20.0


class HyperConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[hyper]. Paths and the refresh answer's field names are settings because the vendor's pages leave them open."""

    url: str
    access_token: Secret
    refresh_token: Secret | None = None
    refresh: Literal["none", "fixed", "replaceable"] = "none"
    requests_per_minute: float = 20.0
    create_account_path: str = "/Create_TP_Account_Json"
    client_balance_path: str = "/Get_Client_Balance_json"
    refresh_path: str = "/RefreshToken"
    refresh_access_field: str = "AccessToken"
    refresh_refresh_field: str = "RefreshToken"
    limits: HyperLimits = HyperLimits()


class BroctagonConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[broctagon]: address and API key; the key also signs bodies."""

    url: str
    key: Secret
    history: bool = True
    limits: Limits = Limits()


class CPluginConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[cplugin.NAME]: one organisation's credentials at CPlugin WebAPI."""

    url: str
    auth_url: str
    client_id: str
    client_secret: Secret
    api: Literal["v1", "v2"] = "v2"
    read_timeout_header_seconds: int = 10
    write_timeout_header_seconds: int = 15
    chunk_logins: int = 200
    live_calls_at_once: Annotated[int, msgspec.Meta(ge=0)] = 2
    margins_max_age_seconds: float = 1.0
    read_through_v2: bool = True
    limits: Limits = Limits()


class BrokerWorkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[broker_work.NAME]: one tenant at Leanwork's Broker Work."""

    url: str
    tenant_id: str
    token: Secret
    chunk_logins: int = 200
    live_calls_at_once: Annotated[int, msgspec.Meta(ge=0)] = 2
    limits: Limits = Limits()


class ServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[servers.NAME]: a trading server, named as the ERP's data source names it."""

    platform: PlatformName
    adapter: Literal["cplugin", "broker_work", "broctagon"]
    connection: str = ""
    id: str
    timezone: str = "UTC"
    deposits: bool = False
    groups: tuple[str, ...] = ()


class UpstreamsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that `upstreams.house.open_upstreams` opens."""

    hyper: HyperConfig | None = None
    broctagon: BroctagonConfig | None = None
    cplugin: dict[str, CPluginConfig] = {}
    broker_work: dict[str, BrokerWorkConfig] = {}
    servers: dict[str, ServerConfig] = {}


class ConfigError(Exception):
    """A setting that is wrong; `path` is where it stands: `servers.R7.connection`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem
