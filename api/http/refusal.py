"""How a step of api/graphql/endpoint.py says no."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class RequestRefused(Exception):
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
