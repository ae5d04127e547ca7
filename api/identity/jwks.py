"""An issuer's public keys. They are fetched in the background, and immediately for an unknown key. They stay cached
while the issuer is unavailable.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
import structlog
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
_FETCH_SECONDS: Final = 5.0
DISCOVERY_PATH: Final = "/.well-known/openid-configuration"


class FetchesDocuments(Protocol):
    async def get(self, url: str, *, seconds: float) -> bytes: ...


class SigningKeysUnavailable(Exception):
    """The token's key is not known now. `retry_after_seconds` says when it can be fetched."""

    def __init__(self, problem: str, retry_after_seconds: int) -> None:
        super().__init__(problem)
        self.retry_after_seconds = retry_after_seconds


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _Document(msgspec.Struct):
    keys: list[Any]


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys by their kid, and how many entries were skipped for each reason."""

    usable: Mapping[str, Key]
    skipped: Mapping[str, int]

    @property
    def problems(self) -> str:
        return ", ".join(f"{count} {reason}" for reason, count in self.skipped.items())


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
        # When the fetch began that gave the keys.
        self._asked_at: float | None = None
        self._tried_at: float | None = None

    async def find(self, kid: str) -> Key | None:
        """The key of that name; None where the issuer publishes none.

        Raises SigningKeysUnavailable where the issuer was not asked since the token came, because it is away or was
        asked too recently: its newest key is then not known yet. Made-up names cause no more fetches than that.
        """
        since = self._clock.monotonic()
        if (kid not in self._keys or self._is_stale()) and self._may_try():
            await self.refresh()
        if self._is_stale():
            raise SigningKeysUnavailable("the issuer gives no keys", self._seconds_to_next_try())
        key = self._keys.get(kid)
        if key is None and (self._asked_at is None or self._asked_at < since):
            raise SigningKeysUnavailable(
                "unknown kid, and the next fetch is not allowed yet", self._seconds_to_next_try()
            )
        return key

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
        # A caller that comes during a fetch waits for it; only a new fetch needs permission.
        return self._single_flight.is_in_flight or self._pause() <= 0

    def _pause(self) -> float:
        """The seconds until the next fetch is allowed."""
        if self._tried_at is None:
            return 0.0
        return self._tried_at + self._config.keys_refresh_at_most_every_seconds - self._clock.monotonic()

    def _seconds_to_next_try(self) -> int:
        return max(1, math.ceil(self._pause()))

    async def _fetch(self) -> None:
        self._tried_at = began = self._clock.monotonic()
        keys = await self.fetch()
        if keys.skipped:
            log.info("oidc.keys_skipped", issuer=self._config.issuer, skipped=keys.problems)
        self._keys, self._asked_at, self._fetched_at = keys.usable, began, self._clock.monotonic()

    async def fetch(self) -> KeySet:
        """The keys as the issuer publishes them now. Raises FetchFailed."""
        address = self._config.jwks_uri or await self._discover()
        return read_keys(await self._fetcher.get(address, seconds=_FETCH_SECONDS))

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


def read_keys(document: bytes) -> KeySet:
    """The public signature keys of a JWK set. Entries that cannot be used are skipped.

    Raises FetchFailed where no key can be used, because an empty answer must not replace keys that work.
    """
    try:
        entries = msgspec.json.decode(document, type=_Document).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FetchFailed("the key set cannot be read") from None
    usable: dict[str, Key] = {}
    skipped: Counter[str] = Counter()
    for entry in entries:
        found = _key(entry)
        if isinstance(found, str):
            skipped[found] += 1
        elif entry["kid"] in usable:
            skipped["with the kid of another key"] += 1
        else:
            usable[entry["kid"]] = found
    keys = KeySet(usable, skipped)
    if not usable:
        raise FetchFailed(f"the key set holds no key that could be used ({keys.problems or 'it is empty'})")
    return keys


def _key(entry: Any) -> Key | str:
    """A public key for signatures, or why the entry is none."""
    kind = _KINDS.get(str(entry.get("kty"))) if isinstance(entry, dict) else None
    if kind is None:
        return "of an unknown kind"
    if entry.get("use", "sig") != "sig":
        return "not for signatures"
    if not isinstance(entry.get("kid"), str):
        return "with no kid"
    try:
        if kind is RSAKey and _bits(entry["n"]) < _SMALLEST_RSA_BITS:
            return f"of RSA below {_SMALLEST_RSA_BITS} bits"
        return kind.import_key({name: entry[name] for name in _PUBLIC if name in entry})
    except Exception:  # noqa: BLE001 - whatever a library makes of a foreign entry, the other keys stay usable.
        return "malformed"


def _bits(modulus: str) -> int:
    """The length of an RSA key in bits. It is checked here, because the library only warns about short keys."""
    return int.from_bytes(urlsafe_b64decode(modulus.encode())).bit_length()
