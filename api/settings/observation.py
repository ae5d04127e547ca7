"""The sections [tracing] and [audit]."""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from core.secret import Secret


class TracingSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[tracing]: OpenTelemetry traces by OTLP over HTTP. Needs the extra `otel`."""

    enabled: bool = False
    endpoint: str = "http://127.0.0.1:4318/v1/traces"
    headers: dict[str, Secret] = {}
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.01
    pass_on: bool = False

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.endpoint)
            fits = parts.scheme in {"http", "https"} and parts.hostname and not parts.username and not parts.query
        except ValueError:
            fits = False
        if not fits:
            raise ValueError("endpoint must be like https://collector:4318/v1/traces; secrets belong in headers")


class AuditSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[audit]: whether the log has the clients that each request has read."""

    reads: bool = False
