"""Hyper's access token: all processes share one token for a connection [D, H-1445].

In replaceable mode a refresh also renews the refresh token and ends the old pair. The new pair is therefore stored
durably BEFORE it is used, under a lock that all processes share. If a new pair is lost, only the operator can issue
another pair. The pair of the settings is then tried again.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from core.call import Call
from core.secret import Secret
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link, TokenRefused
from upstreams.http.request import HttpRequest
from upstreams.http.tokens.access_tokens import SharedFetch
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.token_store import TokenPair, TokenStore


class HyperTokens:
    """Uses the newer pair of the store, or the pair of the settings if the store has none."""

    def __init__(self, config: HyperConfig, link: Link, store: TokenStore) -> None:
        self._config = config
        self._link = link
        self._store = store
        self._shared = SharedFetch(link)
        self._access: Secret | None = config.access_token if config.refresh == "none" else None

    async def token(self, call: Call) -> Secret:
        if self._access is not None:
            return self._access
        return await self._shared.run(self._first, call)

    async def renew(self, refused: Secret, call: Call) -> Secret:
        if self._config.refresh == "none":
            raise self._link.failures.credentials("99")
        if self._access is not None and self._access != refused:
            return self._access

        async def fetch(own: Call) -> Secret:
            return await self._renew(refused, own)

        return await self._shared.run(fetch, call)

    async def aclose(self) -> None:
        await self._shared.aclose()

    async def _first(self, _call: Call) -> Secret:
        stored = await self._store.load()
        self._access = stored.access if stored is not None else self._config.access_token
        return self._access

    async def _renew(self, refused: Secret, call: Call) -> Secret:
        async with self._store.locked():
            stored = await self._store.load()
            if stored is not None and stored.access != refused:
                # Another process has already renewed the pair.
                self._access = stored.access
            else:
                pair = await self._refreshed(stored, call)
                await self._store.save(pair.access, pair.refresh)
                self._access = pair.access
            return self._access

    async def _refreshed(self, stored: TokenPair | None, call: Call) -> TokenPair:
        given = self._config.refresh_token
        candidates = [token for token in (stored.refresh if stored else None, given) if token]
        for refresh in dict.fromkeys(candidates):
            try:
                return await self._ask(refresh, call)
            except TokenRefused:
                continue
        raise self._link.failures.credentials("99", "our refresh token is missing or refused")

    async def _ask(self, refresh: Secret, call: Call) -> TokenPair:
        request = HttpRequest(
            "POST",
            self._config.refresh_path,
            headers={"authorization": f"Bearer {refresh.reveal()}", "content-type": "application/json"},
            content=b"{}",
            understands=frozenset({200, 401, 403}),
            # The request is sent once, because in replaceable mode a repeat after a lost answer would have an invalid
            # token.
            writes=True,
            keys=0,
        )
        return await self._link.write(request, lambda answer: self._read_pair(answer, refresh), call)

    def _read_pair(self, answer: HttpAnswer, refresh: Secret) -> TokenPair:
        if answer.status != HTTPStatus.OK:
            raise TokenRefused
        fields: Mapping[str, Any] = wire.decode(answer.body, dict[str, Any])
        if wire.read_whole(fields.get("ResponseCode", 0)) != 0:
            raise TokenRefused
        access = _token(fields.get(self._config.refresh_access_field))
        if self._config.refresh == "fixed":
            return TokenPair(access, refresh)
        return TokenPair(access, _token(fields.get(self._config.refresh_refresh_field)))


def _token(value: object) -> Secret:
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise wire.Nonsense("not a token")
    return Secret(value)
