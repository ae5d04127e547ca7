"""Callers with an issuer's token: a JWT whose signature, issuer, audience and times are checked, and its permissions.

Only the issuers and claims of the settings are used. A missing claim gives no permission. An unreadable claim refuses
the token.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from api.identity.jwks import IssuerKeys, Key
from api.settings.oidc import OidcConfig
from core.clock import Clock
from core.secret import Secret
from resolvers.context import Caller
from resolvers.policy.scopes import OF_ONES_OWN

_LONGEST_SUBJECT: Final = 255
_MAX_INT: Final = 2**31 - 1
_MOST_AGENCIES: Final = 1000


class InvalidToken(Exception):
    """The token is not valid. `reason` is only for the log, because a caller gets the same answer for every invalid
    token.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Head(msgspec.Struct):
    alg: str
    kid: str
    typ: str | None = None
    crit: msgspec.Raw | None = None


class _Body(msgspec.Struct):
    iss: str


def issuer_of(token: Secret) -> str:
    """The issuer that the token names, before the token is verified. Raises InvalidToken."""
    body: _Body = _part(token, 1, _Body)
    return body.iss


def _part(token: Secret, index: int, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(urlsafe_b64decode(token.reveal().split(".")[index].encode()), type=kind)
    except (ValueError, IndexError, msgspec.DecodeError):
        raise InvalidToken("unreadable") from None


class Issuer:
    """One [auth.oidc.NAME]."""

    def __init__(self, name: str, config: OidcConfig, keys: IssuerKeys, clock: Clock) -> None:
        self.name = name
        self.config = config
        self.keys = keys
        self._clock = clock

    async def caller(self, token: Secret) -> Caller:
        """The caller of the token. Raises InvalidToken, or SigningKeysUnavailable if no keys can be fetched."""
        head = self._head(token)
        key = await self.keys.find(head.kid)
        if key is None:
            raise InvalidToken("unknown kid")
        claims = self._claims(token, key, head.alg)
        return caller_of(self.name, self.config, claims)

    def _head(self, token: Secret) -> _Head:
        """The relevant parameters of the token's header. Keys inside a token (jwk, jku, x5c) are never used."""
        if len(token.reveal()) > self.config.max_token_characters:
            raise InvalidToken("too long")
        head: _Head = _part(token, 0, _Head)
        if head.alg not in self.config.algorithms:
            raise InvalidToken("algorithm")
        if head.typ is not None and head.typ.lower().removeprefix("application/") not in self._types():
            raise InvalidToken("typ")
        if head.crit is not None:
            raise InvalidToken("crit")
        return head

    def _types(self) -> set[str]:
        return {name.lower() for name in self.config.types}

    def _claims(self, token: Secret, key: Key, algorithm: str) -> Mapping[str, Any]:
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        try:
            if key.alg not in {None, algorithm}:
                raise InvalidToken("algorithm")
            claims = jwt.decode(token.reveal(), key, registry=registry).claims
            self._rules().validate(claims)
        except (JoseError, ValueError, TypeError, OverflowError) as error:
            raise InvalidToken(type(error).__name__) from None
        if claims["exp"] - claims["iat"] > self.config.max_lifetime_seconds:
            raise InvalidToken("lifetime")
        return claims

    def _rules(self) -> jwt.JWTClaimsRegistry:
        config = self.config
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=config.clock_skew_seconds,
            iss={"essential": True, "value": config.issuer},
            aud={"essential": True, "values": list(config.audience)},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nbf={"essential": config.require_nbf},
        )


def caller_of(name: str, config: OidcConfig, claims: Mapping[str, Any]) -> Caller:
    """The caller by the claims of a verified token. Raises InvalidToken for an unreadable claim."""
    subject = claims["sub"]
    if not subject or len(subject) > _LONGEST_SUBJECT or not subject.isprintable():
        raise InvalidToken("sub")
    scopes = frozenset(
        scope for value in _texts(claims.get(config.scopes_claim)) for scope in config.scopes.get(value, ())
    )
    number = _client_number(config, claims)
    # Because a subject may be an e-mail address, the log shows a digest, which is equal for equal subjects.
    caller_name = f"oidc:{name}:{hashlib.sha256(subject.encode()).hexdigest()[:12]}"
    principal = f"{config.issuer}#{subject}"
    if number is not None:
        return Caller(caller_name, principal, scopes & OF_ONES_OWN, None, number, config.issuer)
    return Caller(caller_name, principal, scopes, _agencies(config, claims), issuer=config.issuer)


def _texts(claim: Any) -> list[str]:
    """The values of a claim: a list of texts, or one text with spaces; empty for a missing claim."""
    if claim is None:
        return []
    if isinstance(claim, str):
        return claim.split()
    if isinstance(claim, list) and all(isinstance(one, str) for one in claim):
        return claim
    raise InvalidToken("scopes claim")


def _client_number(config: OidcConfig, claims: Mapping[str, Any]) -> int | None:
    """The client that the token is for.

    A claim that is not a number refuses the token. If it were ignored, a client would get the permissions of staff.
    """
    if config.client_number_claim is None or config.client_number_claim not in claims:
        return None
    return _number(claims[config.client_number_claim], "client number claim")


def _agencies(config: OidcConfig, claims: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The agencies of the claim; no agency without the claim; every agency only for exactly the text of the
    settings.
    """
    claim = claims.get(config.agencies_claim)
    if claim is None:
        return ()
    values = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else [claim]
    if config.every_agency is not None and config.every_agency in values:
        return None
    if len(values) > _MOST_AGENCIES:
        raise InvalidToken("agencies claim")
    return tuple(sorted({_number(value, "agencies claim") for value in values}))


def _number(value: Any, what: str) -> int:
    is_text = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_MAX_INT))
    if isinstance(value, bool) or not (isinstance(value, int) or is_text):
        raise InvalidToken(what)
    number = int(value)
    if not 0 <= number <= _MAX_INT:
        raise InvalidToken(what)
    return number
