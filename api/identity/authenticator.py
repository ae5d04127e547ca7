"""Authentication of callers: by an API key or by an issuer's token, both as `Authorization: Bearer`."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from api.identity.api_keys import Authenticator, Unauthenticated, bearer
from core.errors import UpstreamError
from core.secret import Secret
from resolvers.context import Caller
from upstreams.state.api_keys import hash_key

log = structlog.get_logger(__name__)

CallerOfToken = Callable[[Secret], Awaitable[Caller]]

_JWT_DOTS: Final = 2


class IdentityUnknown(Exception):
    """The credentials cannot be verified now; the message says why."""

    def __init__(self, message: str, retry_after_seconds: int = 2) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


def refused(reason: str) -> Unauthenticated:
    """The error for a token; only the log has the reason."""
    log.info("oidc.refused", reason=reason)
    return Unauthenticated("The token is not valid or has expired.")


async def without_issuers(_token: Secret) -> Caller:
    """Refuses every token, because the settings name no issuer."""
    raise refused("no issuer is configured")


class Identities:
    """Authenticates callers. `caller` raises Unauthenticated or IdentityUnknown."""

    def __init__(self, keys: Authenticator, of_token: CallerOfToken) -> None:
        self._keys = keys
        self._of_token = of_token

    async def caller(self, authorization: str | None) -> Caller:
        """The caller of this header."""
        token = bearer(authorization)
        if _is_jwt(token):
            return await self._of_token(token)
        try:
            return await self._keys.caller(token)
        except UpstreamError as error:
            message = "The state database cannot be reached, so no key can be checked. Try again."
            raise IdentityUnknown(message) from error


def key_hash_of(authorization: str | None) -> bytes | None:
    """The hash of the API key in the header; None for an issuer's token: its rights end only when it expires."""
    token = bearer(authorization)
    return None if _is_jwt(token) else hash_key(token)


def _is_jwt(token: Secret) -> bool:
    """No API key has a dot, and every JWT has two."""
    return token.reveal().count(".") == _JWT_DOTS
