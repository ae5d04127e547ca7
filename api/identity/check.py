"""`brokergraph check` for issuers: their documents, their keys, and what an example token would get."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Final

from api.identity.jwks import IssuerKeys, Key, KeySet, SigningKeysUnavailable
from api.identity.oidc import InvalidToken, Issuer, issuer_of
from api.settings.oidc import OidcConfig
from core.clock import Clock
from core.secret import Secret
from resolvers.context import Caller
from upstreams.check.findings import Finding, Findings, note, ok, wrong
from upstreams.http.fetch import Fetcher, FetchFailed

_SUBJECT: Final = "--token"
# The kinds of keys by the beginning of an algorithm's name.
_KINDS: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
# Some issuers publish the keys of years.
_MOST_SHOWN: Final = 5
_REMEDIES: Final = {
    "unreadable": "It is no JWT.",
    "no kid": "Let the issuer name the key in each token's header.",
    "algorithm": "Does `algorithms` name what the issuer signs with, and is it what the key is for?",
    "typ": "Does `types` name the type in the token's header?",
    "unknown kid": "Is the token of this issuer, and of today?",
    "ExpiredTokenError": "Get a new token.",
    "lifetime": "Is `max_lifetime_seconds` what the issuer's tokens live?",
}


async def check_issuers(issuers: Mapping[str, OidcConfig], token: Secret | None, clock: Clock) -> Findings:
    """A finding for each thing about each issuer, then what the token would get. The token is never shown."""
    async with AsyncExitStack() as stack:
        by_issuer: dict[str, Issuer] = {}
        for name, config in sorted(issuers.items()):
            fetcher = Fetcher(config.ca_file, config.proxy)
            stack.push_async_callback(fetcher.aclose)
            keys = IssuerKeys(config, fetcher, clock)
            stack.push_async_callback(keys.aclose)
            by_issuer[config.issuer] = Issuer(name, config, keys, clock)
        for findings in await asyncio.gather(*map(_issuer, by_issuer.values())):
            for finding in findings:
                yield finding
        if token is not None:
            yield await _token(by_issuer, token)


async def _issuer(issuer: Issuer) -> list[Finding]:
    subject = f"auth.oidc.{issuer.name}"
    try:
        found = await issuer.keys.fetch()
    except FetchFailed as error:
        remedy = "Are issuer, jwks_uri, ca_file and proxy right, and may this machine reach the issuer?"
        return [wrong(subject, f"its keys cannot be fetched: {error}", remedy)]
    return list(_findings(subject, issuer.config, found))


def _findings(subject: str, config: OidcConfig, keys: KeySet) -> Iterator[Finding]:
    kids = [f"{kid!r} ({key.key_type})" for kid, key in keys.usable.items()]
    more = f" and {len(kids) - _MOST_SHOWN} more" if len(kids) > _MOST_SHOWN else ""
    yield ok(subject, f"gives its keys: {', '.join(kids[:_MOST_SHOWN])}{more}")
    if keys.skipped:
        remedy = "Publish each key with a kid of its own." if "with no kid" in keys.skipped else ""
        yield note(subject, f"its key set has keys that cannot be used: {keys.problems}", remedy)
    if unsigned := [one for one in config.algorithms if not _can_verify(one, keys.usable)]:
        yield wrong(f"{subject}.algorithms", f"no key is for {', '.join(unsigned)}", "Name what the issuer signs with.")
    if not config.scopes:
        yield note(f"{subject}.scopes", "is empty, so that its tokens may read nothing", "Say what each value gives.")


def _can_verify(algorithm: str, keys: Mapping[str, Key]) -> bool:
    kind = _KINDS[algorithm[:2]]
    return any(key.key_type == kind and key.alg in {None, algorithm} for key in keys.values())


async def _token(issuers: Mapping[str, Issuer], token: Secret) -> Finding:
    try:
        issuer = issuers.get(issuer_of(token))
        if issuer is None:
            return wrong(_SUBJECT, "no [auth.oidc.NAME] has its issuer", "`issuer` must be exactly the token's `iss`.")
        caller = await issuer.caller(token)
    except InvalidToken as error:
        remedy = _REMEDIES.get(error.reason.partition(" of ")[0], "docs/identities.md says what a token must have.")
        return wrong(_SUBJECT, f"is refused: {error.reason}", remedy)
    except SigningKeysUnavailable as error:
        return wrong(_SUBJECT, f"cannot be checked: {error}", "Mend what stands above, then look again.")
    return ok(_SUBJECT, f"is accepted by auth.oidc.{issuer.name}: {_rights(caller)}")


def _rights(caller: Caller) -> str:
    scopes = ", ".join(sorted(caller.scopes)) or "no scopes"
    if caller.client_number is not None:
        return f"a client's own token; {scopes}"
    agencies = caller.agencies
    seen = (
        "every agency" if agencies is None else f"agencies {', '.join(map(str, agencies))}" if agencies else "no agency"
    )
    return f"{scopes}; {seen}"
