"""[auth.oidc.NAME]: issuers of tokens, and the meaning of their claims."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from core.errors import ConfigError
from core.secret import Secret
from resolvers.policy.scopes import Scope
from upstreams.http.network import Network

# Signature algorithms with public keys. "none" and HS* are excluded, so that published keys cannot be used to sign.
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class OidcConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[auth.oidc.NAME]: one issuer. `brokergraph.example.toml` explains each setting."""

    issuer: str
    audience: tuple[str, ...]
    algorithms: tuple[str, ...] = ("RS256",)
    types: tuple[str, ...] = ("JWT", "at+jwt")
    jwks_uri: str | None = None
    ca_file: Path | None = None
    proxy: Secret | None = None
    clock_skew_seconds: int = 30
    max_token_characters: int = 8192
    max_lifetime_seconds: int = 86_400
    require_nbf: bool = True
    keys_refresh_seconds: float = 300.0
    keys_refresh_at_most_every_seconds: float = 10.0
    keys_stale_seconds: float = 86_400.0
    scopes_claim: str | None = None
    scopes: dict[str, tuple[str, ...]] = {}
    agencies_claim: str = "agencies"
    every_agency: str | None = None
    client_number_claim: str | None = None
    client_number_required: bool = True
    dashboard_client_id: str | None = None
    dashboard_scope: str = "openid"
    dashboard_origins: tuple[str, ...] = ()


def check_issuers(issuers: Mapping[str, OidcConfig]) -> None:
    """Raise ConfigError for settings that would accept more tokens than intended."""
    seen: dict[str, str] = {}
    for name, config in issuers.items():
        _check(f"auth.oidc.{name}", config)
        if config.issuer in seen:
            raise ConfigError(f"auth.oidc.{name}.issuer", f"is the issuer of auth.oidc.{seen[config.issuer]} already")
        seen[config.issuer] = name


def _check(path: str, config: OidcConfig) -> None:
    _check_address(f"{path}.issuer", config.issuer)
    if config.jwks_uri is not None:
        _check_address(f"{path}.jwks_uri", config.jwks_uri)
    if not config.audience or not all(config.audience):
        raise ConfigError(
            f"{path}.audience", "must name at least one audience, because tokens for other audiences must be refused"
        )
    if not config.algorithms or (bad := sorted(set(config.algorithms) - ALGORITHMS)):
        refused = ", ".join(bad) if config.algorithms else "an empty list"
        message = f"{refused} is not possible; choose from {', '.join(sorted(ALGORITHMS))}"
        raise ConfigError(f"{path}.algorithms", message)
    for origin in config.dashboard_origins:
        _check_address(f"{path}.dashboard_origins", origin)
    _check_way(path, config)
    for value, scopes in config.scopes.items():
        if unknown := sorted(set(scopes) - set(Scope)):
            raise ConfigError(f"{path}.scopes.{value}", f"{', '.join(unknown)} is not a scope of this graph")


def _check_address(path: str, url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(path, "is not an address") from None
    if parts.query or parts.fragment or "@" in url or not parts.hostname or parts.scheme not in {"https", "http"}:
        raise ConfigError(path, "must be an https address without query, fragment or user")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ConfigError(
            path, "must be https, because an attacker that changes the keys during the transfer could sign any token"
        )


def _check_way(path: str, config: OidcConfig) -> None:
    if problem := Network(ca_file=config.ca_file, proxy=config.proxy).problem():
        raise ConfigError(f"{path}.{problem[0]}", problem[1])


def is_safe_address(url: str) -> bool:
    """The same rule for an address in an issuer's discovery document."""
    try:
        _check_address("", url)
    except (ConfigError, ValueError):
        return False
    return True
