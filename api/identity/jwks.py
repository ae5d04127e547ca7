"""An issuer's public keys. They are fetched in the background, and immediately for an unknown key. They stay cached
while the issuer is unavailable.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from api.settings.oidc import OidcConfig, is_safe_address
from core.clock import Clock, Deadline
from upstreams.flow.single_flight import SingleFlight
from upstreams.http.fetch import FetchFailed

log = structlog.get_logger(__name__)

Key = RSAKey | ECKey | OKPKey
_KINDS: Final[Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PUBLIC: Final = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_SMALLEST_RSA_BITS: Final = 2048
_MOST_KEYS: Final = 100
_FETCH_SECONDS: Final = 5.0
DISCOVERY_PATH: Final = "/.well-known/openid-configuration"


class FetchesDocuments(Protocol):
    async def get(self, url: str, *, seconds: float) -> bytes: ...


class SigningKeysUnavailable(Exception):
    """The issuer's keys cannot be fetched at the moment, so that no token can be verified."""


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class IssuerKeys:
    """The cached keys of one issuer. `find` fetches keys only for an unknown key, and not more often than the settings
    allow.
    """

    def __init__(self, config: OidcConfig, fetcher: FetchesDocuments, clock: Clock) -> None:
        self._config = config
        self._fetcher = fetcher
        self._clock = clock
        self._single_flight: SingleFlight[None] = SingleFlight()
        self._keys: Mapping[str, Key] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    async def find(self, kid: str) -> Key | None:
        """The key with this name; None if the issuer does not publish it. Raises SigningKeysUnavailable."""
        if (kid not in self._keys or self._is_stale()) and self._may_try():
            await self.refresh()
        if self._is_stale():
            raise SigningKeysUnavailable(self._config.issuer)
        return self._keys.get(kid)

    async def refresh(self) -> bool:
        """Fetch the keys once for all concurrent callers. False if the fetch failed; the cached keys then stay."""
        try:
            await self._single_flight.run("keys", self._fetch, Deadline.after(_FETCH_SECONDS, self._clock))
        except (FetchFailed, TimeoutError) as error:
            log.warning("oidc.keys_not_fetched", issuer=self._config.issuer, problem=str(error) or "no answer in time")
            return False
        return True

    async def keep_fresh(self) -> None:
        """Run for the life of the process."""
        while True:
            fetched = await self.refresh()
            config = self._config
            pause = config.keys_refresh_seconds if fetched else config.keys_refresh_at_most_every_seconds
            await self._clock.sleep(pause)

    async def aclose(self) -> None:
        await self._single_flight.aclose()

    def _is_stale(self) -> bool:
        at = self._fetched_at
        return at is None or self._clock.monotonic() - at > self._config.keys_stale_seconds

    def _may_try(self) -> bool:
        at, pause = self._tried_at, self._config.keys_refresh_at_most_every_seconds
        # A caller waits for a fetch in flight. Only a new fetch is limited by the settings.
        return at is None or self._single_flight.is_in_flight or self._clock.monotonic() - at >= pause

    async def _fetch(self) -> None:
        self._tried_at = self._clock.monotonic()
        address = self._config.jwks_uri or await self._discover()
        keys = read_keys(await self._fetcher.get(address, seconds=_FETCH_SECONDS))
        self._keys, self._fetched_at = keys, self._clock.monotonic()

    async def _discover(self) -> str:
        address = self._config.issuer.rstrip("/") + DISCOVERY_PATH
        try:
            found = msgspec.json.decode(await self._fetcher.get(address, seconds=_FETCH_SECONDS), type=_Discovery)
        except msgspec.DecodeError:
            raise FetchFailed("the discovery document cannot be read") from None
        if found.issuer != self._config.issuer:
            raise FetchFailed("the discovery document names another issuer")
        if not is_safe_address(found.jwks_uri):
            raise FetchFailed("the discovery document has no https address")
        return found.jwks_uri


def read_keys(document: bytes) -> dict[str, Key]:
    """The public signature keys of a JWK set by their names. Raises FetchFailed if the set has no usable key, so that
    an empty answer does not replace working keys.
    """
    try:
        entries = msgspec.json.decode(document, type=_KeySet).keys[:_MOST_KEYS]
    except msgspec.DecodeError:
        raise FetchFailed("the key set cannot be read") from None
    found: dict[str, Key] = {}
    for entry in entries:
        key, kid = _key(entry), entry.get("kid")
        if key is not None and isinstance(kid, str) and kid not in found:
            found[kid] = key
    if not found:
        raise FetchFailed("the key set has no usable key")
    return found


def _key(entry: dict[str, Any]) -> Key | None:
    """A public key for signatures; None for shared secrets, encryption keys, short keys and unreadable keys."""
    kind = _KINDS.get(str(entry.get("kty")))
    if kind is None or entry.get("use", "sig") != "sig":
        return None
    try:
        if kind is RSAKey and _bits(entry["n"]) < _SMALLEST_RSA_BITS:
            return None
        return kind.import_key({name: entry[name] for name in _PUBLIC if name in entry})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _bits(modulus: str) -> int:
    """The length of an RSA key in bits. It is checked here, because the library only warns about short keys."""
    return int.from_bytes(urlsafe_b64decode(modulus.encode())).bit_length()
