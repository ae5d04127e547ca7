"""[http] and [documents]: limits for HTTP clients, and the documents that may run."""

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from api.settings.bounds import Age, AnyNumber, Seconds, Some, WholeAge, WholeSeconds


class HttpSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[http]: sizes and time-outs of requests, compression and CORS."""

    header_timeout_seconds: Seconds = 10.0
    body_timeout_seconds: Seconds = 20.0
    keep_alive_seconds: WholeSeconds = 30
    max_connections: Some = 1000
    max_header_bytes: Some = 32 * 1024
    max_headers: Some = 100
    max_variables_bytes: Some = 256 * 1024
    max_query_characters: Some = 128 * 1024
    compress_from_bytes: AnyNumber = 1024
    cors_origins: tuple[str, ...] = ()
    cors_max_age_seconds: WholeAge = 3600

    def __post_init__(self) -> None:
        for origin in self.cors_origins:
            _check_origin(origin)


def _check_origin(origin: str) -> None:
    """Because origins are compared exactly, an origin that no browser sends is a mistake, and the server does not
    start.
    """
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}".lower() or "*" in origin:
        raise ValueError(f'{origin!r} in cors_origins is not an origin; write it like "https://dashboard.example.com"')


Mode = Literal["off", "log", "enforce"]


class DocumentsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[documents]: whether only trusted documents run, and the partners with another rule."""

    mode: Mode = "off"
    partners: dict[str, Mode] = {}
    automatic: bool = True
    cache_seconds: Age = 30.0
    max_age_seconds: WholeAge = 0

    def mode_of(self, principal: str) -> Mode:
        return self.partners.get(principal, self.mode)
