"""Callers with an issuer's token: a JWT whose signature, issuer, audience and times are checked, and its permissions.

Only what the settings name is believed. A claim that cannot be read refuses the token, and so does a claim of scopes or
of the client's number that is configured and missing.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from joserfc import jws, jwt
from joserfc.errors import InvalidClaimError, JoseError, MissingClaimError
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
_MISSING: Final = object()


class InvalidToken(Exception):
    """The token is not valid. `reason` is only for the log, because a caller gets the same answer for every invalid
    token.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Head(msgspec.Struct):
    alg: str
    kid: Any = None
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
    except (ValueError, IndexError, RecursionError):
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
        if not isinstance(head.kid, str):
            raise InvalidToken("no kid")
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
            claim = f" of {error.claim}" if isinstance(error, InvalidClaimError | MissingClaimError) else ""
            raise InvalidToken(f"{type(error).__name__}{claim}") from None
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
    scopes = frozenset(scope for value in _scope_values(config, claims) for scope in config.scopes.get(value, ()))
    number = _client_number(config, claims)
    # Because a subject may be an e-mail address, the log shows a digest, which is equal for equal subjects.
    caller_name = f"oidc:{name}:{hashlib.sha256(subject.encode()).hexdigest()[:12]}"
    principal = f"{config.issuer}#{subject}"
    ends = datetime.fromtimestamp(claims["exp"], UTC)
    if number is not None:
        return Caller(caller_name, principal, scopes & OF_ONES_OWN, None, number, config.issuer, ends)
    return Caller(caller_name, principal, scopes, _agencies(config, claims), issuer=config.issuer, expires_at=ends)


def find_claim(claims: Any, name: str) -> Any:
    """The claim of this very name, or else of this path, such as Keycloak's `realm_access.roles`. _MISSING: neither.

    Names on the path may have dots themselves, so that the longest name that is there comes first.
    """
    if not isinstance(claims, dict):
        return _MISSING
    if name in claims:
        return claims[name]
    cuts = [place for place, character in enumerate(name) if character == "."]
    found = (find_claim(claims.get(name[:cut]), name[cut + 1 :]) for cut in reversed(cuts))
    return next((one for one in found if one is not _MISSING), _MISSING)


def _required(claims: Mapping[str, Any], name: str) -> Any:
    claim = find_claim(claims, name)
    if claim is _MISSING:
        raise InvalidToken(f"the claim {name} is missing")
    return claim


def _scope_values(config: OidcConfig, claims: Mapping[str, Any]) -> list[str]:
    """A list of texts, or one text with spaces. Without the setting, a token without `scope` has no scopes."""
    name = config.scopes_claim
    claim = claims.get("scope", []) if name is None else _required(claims, name)
    if isinstance(claim, str):
        return claim.split()
    if isinstance(claim, list) and all(isinstance(one, str) for one in claim):
        return claim
    raise InvalidToken("scopes claim")


def _client_number(config: OidcConfig, claims: Mapping[str, Any]) -> int | None:
    """The client that the token is for.

    A claim that is missing or no number refuses the token: ignoring it would make a client a member of staff.
    """
    if config.client_number_claim is None:
        return None
    if not config.client_number_required and find_claim(claims, config.client_number_claim) is _MISSING:
        return None
    return _number(_required(claims, config.client_number_claim), "client number claim")


def _agencies(config: OidcConfig, claims: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The agencies of the claim, none without one; every agency only for the very text that the settings name."""
    claim = find_claim(claims, config.agencies_claim)
    if claim is None or claim is _MISSING:
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
