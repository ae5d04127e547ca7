import msgspec

from core.secret import Secret
from upstreams.http.limits import Limits
from upstreams.http.network import DIRECT, Network


class BroctagonConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[broctagon]: address and API key. The key also signs request bodies."""

    url: str
    key: Secret
    history: bool = True
    limits: Limits = Limits()
    network: Network = DIRECT
