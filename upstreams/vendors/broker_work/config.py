from typing import Annotated

import msgspec

from core.secret import Secret
from upstreams.http.limits import Limits
from upstreams.http.network import DIRECT, Network


class BrokerWorkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[broker_work.NAME]: one tenant at Leanwork's Broker Work."""

    url: str
    tenant_id: str
    token: Secret
    chunk_logins: int = 200
    concurrent_live_calls: Annotated[int, msgspec.Meta(ge=0)] = 2
    limits: Limits = Limits()
    network: Network = DIRECT
