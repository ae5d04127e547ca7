"""The refusal of a request by a step of api/graphql/endpoint.py."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class RequestRefused(Exception):
    """A step refuses the request. `code` is in the error's extensions, `headers` are in the response.

    The response also has the headers of earlier steps (`Exchange.headers`). `retry_after_seconds` becomes Retry-After.
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
