"""One HTTP request to /graphql, with the headers of its response, which the steps collect."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

import msgspec

from api.http.compression import compressed
from api.http.negotiation import JSON, coding
from api.http.refusal import RequestRefused
from api.http.request_id import REQUEST_ID
from api.settings.settings import Settings
from api.wire.incoming import Incoming
from api.wire.reply import Reply
from core.call import Call

_VARIES: Final = "Accept, Accept-Encoding, Authorization"
_NEVER_CACHED: Final = "no-store"


@dataclass(slots=True)
class Exchange:
    """The data that the steps share. A step adds headers of the response to `headers`."""

    incoming: Incoming
    settings: Settings
    request_id: str
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    persisted: bool = False
    """Whether the request names its document by id, so that its answer may be cached."""
    call: Call | None = None
    """The call of the operation, once it runs."""

    @property
    def may_mutate(self) -> bool:
        return self.incoming.method == "POST"

    async def response(
        self, body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None, *, keep: bool = False
    ) -> Reply:
        """The response with the body as JSON in the negotiated media type, and with all headers of the steps.

        `keep`: a caller's own cache may store the response and revalidate it.
        """
        content = msgspec.json.encode(body)
        how = self._coding(content)
        sent = {"Vary": _VARIES, **self.headers, **(headers or {}), REQUEST_ID: self.request_id}
        sent["Cache-Control"] = self._cache_control() if keep else _NEVER_CACHED
        if keep:
            digest = urlsafe_b64encode(sha256(content).digest()[:18]).decode()
            sent["ETag"] = f'W/"{digest}"'
            if _is_known(digest, self.incoming.header(b"if-none-match")):
                return Reply(b"", HTTPStatus.NOT_MODIFIED, sent)
        if how:
            sent["Content-Encoding"] = how
            content = await compressed(content, how)
        sent["Content-Type"] = f"{self.media_type}; charset=utf-8"
        return Reply(content, status, sent)

    async def refusal(self, refused: RequestRefused) -> Reply:
        error = {"message": refused.message, "extensions": refused.extensions}
        return await self.response({"errors": [error]}, refused.status, refused.headers)

    def _coding(self, content: bytes) -> str | None:
        if len(content) < self.settings.http.compress_from_bytes:
            return None
        return coding(self.incoming.header(b"accept-encoding"))

    def _cache_control(self) -> str:
        seconds = self.settings.documents.max_age_seconds
        return f"private, max-age={seconds}, must-revalidate"


def _is_known(digest: str, if_none_match: str) -> bool:
    """Whether the client has the answer of this digest.

    The tag is weak, and the comparison too (RFC 9110, section 13.1.2): a proxy that compresses changes the bytes, and
    nginx then drops a strong tag. Apache writes the coding into the tag, behind the digest.
    """
    return f'"{digest}' in if_none_match or if_none_match.strip() == "*"
