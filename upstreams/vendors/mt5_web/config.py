from pathlib import Path
from typing import Annotated

import msgspec

from core.secret import Secret
from upstreams.http.limits import Limits

# The oldest build of a client that may sign in [D, MQ-auth].
_OLDEST_VERSION = 484
_DIGEST_BYTES = 32


class Mt5WebLimits(Limits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A firewall may drop a connection's first packet silently [C, GW]. `max_in_flight` is the connections of reads."""

    connect_timeout_seconds: float = 5.0
    max_in_flight: int = 3


class Mt5WebConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[mt5_web.NAME]: one manager account at the access server of one MT5 platform."""

    url: str
    login: str
    password: Secret
    agent: str = "brokergraph"
    version: Annotated[int, msgspec.Meta(ge=_OLDEST_VERSION)] = 4000
    ca_file: Path | None = None
    fingerprint: str | None = None
    chunk_logins: Annotated[int, msgspec.Meta(ge=1)] = 200
    concurrent_live_calls: Annotated[int, msgspec.Meta(ge=0)] = 2
    default_leverage: int = 100
    ping_seconds: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    first_pause_seconds: float = 5.0
    longest_pause_seconds: float = 120.0
    limits: Mt5WebLimits = Mt5WebLimits()

    def __post_init__(self) -> None:
        if not self.agent or not self.agent.isascii() or " " in self.agent:
            raise ValueError("agent is a text without blanks")
        if self.ca_file is not None and self.fingerprint is not None:
            raise ValueError("ca_file and fingerprint exclude each other")
        _ = self.digest

    @property
    def digest(self) -> bytes | None:
        """The bytes of the fingerprint."""
        if self.fingerprint is None:
            return None
        try:
            digest = bytes.fromhex(self.fingerprint.replace(":", ""))
        except ValueError:
            digest = b""
        if len(digest) != _DIGEST_BYTES:
            raise ValueError(
                "fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits, with or without colons"
            )
        return digest
