from typing import Annotated, Literal

import msgspec

from core.secret import Secret
from upstreams.http.limits import Limits
from upstreams.http.network import DIRECT, Network


class CPluginConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[cplugin.NAME]: one organisation's credentials at CPlugin WebAPI."""

    url: str
    auth_url: str
    client_id: str
    client_secret: Secret
    token_url: str | None = None
    auth_method: Literal["post", "basic"] = "post"
    api: Literal["v1", "v2"] = "v2"
    read_timeout_header_seconds: int = 10
    write_timeout_header_seconds: int = 15
    chunk_logins: int = 200
    concurrent_live_calls: Annotated[int, msgspec.Meta(ge=0)] = 2
    margins_max_age_seconds: float = 1.0
    read_through_v2: bool = True
    limits: Limits = Limits()
    network: Network = DIRECT
