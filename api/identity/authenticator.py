"""Authentication of callers: by an API key or by an issuer's token, both as `Authorization: Bearer`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import structlog

from api.identity.api_keys import Authenticator, Unauthenticated, bearer
from api.identity.jwks import IssuerKeys, SigningKeysUnavailable
from api.identity.oidc import InvalidToken, Issuer, issuer_of
from api.settings.oidc import OidcConfig
from core.clock import Clock
from core.errors import UpstreamError
from core.secret import Secret
from resolvers.context import Caller
from upstreams.http.fetch import Fetcher

log = structlog.get_logger(__name__)

_JWT_DOTS: Final = 2
_REFUSED: Final = "The token is not valid or has expired."


class IdentityUnknown(Exception):
    """The credentials cannot be verified now; the message says why."""

    def __init__(self, message: str, retry_after_seconds: int = 2) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Identities:
    """Authenticates callers. `caller` raises Unauthenticated or IdentityUnknown."""

    def __init__(self, keys: Authenticator, issuers: list[Issuer]) -> None:
        self._keys = keys
        self._issuers = {issuer.config.issuer: issuer for issuer in issuers}
        self._longest = max((issuer.config.max_token_characters for issuer in issuers), default=0)

    async def caller(self, authorization: str | None) -> Caller:
        """The caller of this header."""
        token = bearer(authorization)
        # No API key has a dot, and every JWT has two.
        if token.reveal().count(".") == _JWT_DOTS:
            return await self._from_token(token)
        try:
            return await self._keys.caller(token)
        except UpstreamError as error:
            message = "The state database cannot be reached, so no key can be checked. Try again."
            raise IdentityUnknown(message) from error

    async def _from_token(self, token: Secret) -> Caller:
        try:
            return await self._issuer(token).caller(token)
        except InvalidToken as error:
            log.info("oidc.refused", reason=error.reason)
            raise Unauthenticated(_REFUSED) from None
        except SigningKeysUnavailable as error:
            log.info("oidc.not_checked", reason=str(error))
            message = "The issuer's key for this token is not known yet, so the token cannot be checked. Try again."
            raise IdentityUnknown(message, error.retry_after_seconds) from error

    def _issuer(self, token: Secret) -> Issuer:
        if len(token.reveal()) > self._longest:
            raise InvalidToken("too long")
        issuer = self._issuers.get(issuer_of(token))
        if issuer is None:
            raise InvalidToken("unknown issuer")
        return issuer


@contextlib.asynccontextmanager
async def open_issuers(issuers: Mapping[str, OidcConfig], clock: Clock) -> AsyncIterator[list[Issuer]]:
    """The issuers of the settings, their keys kept fresh while the context is open. Waits for none of them."""
    fetchers = {name: Fetcher(config.ca_file, config.proxy) for name, config in sorted(issuers.items())}
    opened = [
        Issuer(name, issuers[name], IssuerKeys(issuers[name], fetcher, clock), clock)
        for name, fetcher in fetchers.items()
    ]
    tasks = [asyncio.create_task(issuer.keys.keep_fresh()) for issuer in opened]
    try:
        yield opened
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for issuer in opened:
            await issuer.keys.aclose()
            await fetchers[issuer.name].aclose()
