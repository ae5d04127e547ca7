"""Authentication of callers by the tokens of issuers. Imported only if the settings name an issuer."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import structlog

from api.background import running
from api.identity.authenticator import IdentityUnknown, refused
from api.identity.jwks import IssuerKeys, SigningKeysUnavailable
from api.identity.oidc import InvalidToken, Issuer, issuer_of
from api.settings.oidc import OidcConfig
from core.clock import Clock
from core.secret import Secret
from resolvers.context import Caller
from upstreams.http.fetch import Fetcher

log = structlog.get_logger(__name__)


class Issuers:
    """The issuers of the settings. `caller` raises Unauthenticated or IdentityUnknown."""

    def __init__(self, issuers: list[Issuer]) -> None:
        self._issuers = {issuer.config.issuer: issuer for issuer in issuers}
        self._longest = max(issuer.config.max_token_characters for issuer in issuers)

    async def caller(self, token: Secret) -> Caller:
        """The caller of this token."""
        try:
            return await self._issuer(token).caller(token)
        except InvalidToken as error:
            raise refused(error.reason) from None
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
async def open_issuers(issuers: Mapping[str, OidcConfig], clock: Clock) -> AsyncIterator[Issuers]:
    """The issuers of the settings, their keys kept fresh while the context is open. Waits for none of them."""
    fetchers = {name: Fetcher(config.ca_file, config.proxy) for name, config in sorted(issuers.items())}
    opened = [
        Issuer(name, issuers[name], IssuerKeys(issuers[name], fetcher, clock), clock)
        for name, fetcher in fetchers.items()
    ]
    try:
        async with running(*(issuer.keys.keep_fresh() for issuer in opened)):
            yield Issuers(opened)
    finally:
        for issuer in opened:
            await issuer.keys.aclose()
            await fetchers[issuer.name].aclose()
