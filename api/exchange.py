"""One HTTP request to /graphql and what goes back: a refusal from any step, headers gathered on the way."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.house import House
from api.metrics import Metrics

JSON = "application/json"


class Refused(Exception):
    """A step says no. `code` goes into the error's extensions, `headers` out with the response.

    Everything else that is known by then (`Exchange.headers`) goes out too. `retry_after_seconds` becomes Retry-After.
    """

    def __init__(  # noqa: PLR0913 - what a response can say.
        self,
        message: str,
        code: str = "BAD_REQUEST",
        status: int = HTTPStatus.BAD_REQUEST,
        *,
        retry_after_seconds: int | None = None,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.extensions = {"code": code, **(extensions or {})}
        if retry_after_seconds is not None:
            self.headers["Retry-After"] = str(retry_after_seconds)
            self.extensions["retryAfterSeconds"] = retry_after_seconds


@dataclass(slots=True)
class Exchange:
    """What the steps share. A step that knows something for the response puts it into `headers`."""

    request: Request
    house: House
    metrics: Metrics
    request_id: str = field(default_factory=lambda: secrets.token_hex(8))
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def may_mutate(self) -> bool:
        return self.request.method == "POST"

    def response(self, body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> Response:
        """The body as JSON in the media type that was agreed, with every header that the steps gathered."""
        sent = {**self.headers, **(headers or {}), "X-Request-Id": self.request_id}
        return Response(msgspec.json.encode(body), status, sent, self.media_type)

    def refusal(self, refused: Refused) -> Response:
        error = {"message": refused.message, "extensions": refused.extensions}
        return self.response({"errors": [error]}, refused.status, refused.headers)
