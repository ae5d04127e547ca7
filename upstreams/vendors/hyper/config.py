from typing import Literal

import msgspec

from core.secret import Secret
from upstreams.http.limits import Limits
from upstreams.http.network import DIRECT, Network


class HyperLimits(Limits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits with other defaults, because the ERP accepts few concurrent calls and makes a new account slowly."""

    max_in_flight: int = 4
    total_timeout_seconds: float = 20.0


class HyperConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[hyper]. Paths and field names of the refresh are settings, because the vendor does not document them."""

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
    network: Network = DIRECT
