"""OAuth2 client credentials (RFC 6749), with OIDC discovery unless the token endpoint is known [D, C-py]."""

from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from core.call import Call
from core.secret import Secret
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.http.tokens.access_tokens import SharedFetch
from upstreams.http.transport import HttpAnswer

# The vendor's own SDKs renew a token this long before its end [D, C-py].
RENEW_EARLY_SECONDS = 60.0
DISCOVERY_PATH = "/.well-known/openid-configuration"


class _Discovery(msgspec.Struct):
    token_endpoint: str


class _TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float = 3600


@dataclass(frozen=True, slots=True)
class _HeldToken:
    token: Secret
    good_until: float


class ClientCredentials:
    """Fetches the token at its first use, through the `link` to the authority, and renews it 60 s before its end.

    `token_path` is the path of the token endpoint below `auth_url`; None asks the discovery document. With `basic` the
    credentials go into the Authorization header and not into the form.
    """

    def __init__(  # noqa: PLR0913 - the credentials, and where and how they are sent.
        self,
        link: Link,
        auth_url: str,
        client_id: str,
        client_secret: Secret,
        *,
        token_path: str | None = None,
        basic: bool = False,
    ) -> None:
        self._link = link
        self._auth_url = auth_url
        self._basic = basic
        self._client_id = client_id
        self._client_secret = client_secret
        self._shared = SharedFetch(link)
        self._token_path = token_path
        self._held: _HeldToken | None = None

    async def token(self, call: Call) -> Secret:
        held = self._held
        if held is not None and self._link.clock.monotonic() < held.good_until:
            return held.token
        return await self._shared.run(self._fetch, call)

    async def renew(self, refused: Secret, call: Call) -> Secret:
        # Another caller may have renewed the token meanwhile.
        if self._held is not None and self._held.token == refused:
            self._held = None
        return await self.token(call)

    async def aclose(self) -> None:
        await self._shared.aclose()
        await self._link.aclose()

    async def _fetch(self, call: Call) -> Secret:
        path = self._token_path or await self._discover(call)
        form = {"grant_type": "client_credentials", "scope": "webapi"}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self._basic:
            headers["authorization"] = self._authorization()
        else:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret.reveal()}
        request = HttpRequest(
            "POST",
            path,
            content=urlencode(form).encode(),
            headers=headers,
            understands=frozenset({200, 400, 401, 403}),
            alone=True,
            keys=0,
        )
        answer = await self._link.read(request, self._read_token, call)
        self._token_path = path
        # If the lifetime of a token is shorter than the margin, half of the lifetime is used.
        life = max(answer.expires_in - RENEW_EARLY_SECONDS, answer.expires_in / 2)
        self._held = _HeldToken(Secret(answer.access_token), self._link.clock.monotonic() + life)
        return self._held.token

    def _authorization(self) -> str:
        """HTTP Basic with encoded parts (RFC 6749, 2.3.1)."""
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret.reveal())}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def _read_token(self, answer: HttpAnswer) -> _TokenAnswer:
        if answer.status != HTTPStatus.OK:
            # RFC 6749, 5.2: 400 or 401 for refused credentials.
            raise self._link.failures.credentials(str(answer.status), "our client credentials are refused")
        token = wire.decode(answer.body, _TokenAnswer)
        if not token.access_token.isascii() or not token.access_token.isprintable() or not token.access_token:
            raise wire.Nonsense("not a token")
        return token

    async def _discover(self, call: Call) -> str:
        request = HttpRequest("GET", DISCOVERY_PATH, alone=True, keys=0)
        return await self._link.read(request, self._read_discovery, call)

    def _read_discovery(self, answer: HttpAnswer) -> str:
        endpoint = urlsplit(wire.decode(answer.body, _Discovery).token_endpoint)
        ours = urlsplit(self._auth_url)
        # The secret is sent only to the authority of the settings, whatever address the authority's document has.
        if (endpoint.scheme, endpoint.netloc) != (ours.scheme, ours.netloc):
            raise wire.Nonsense("the token endpoint is on another host")
        prefix = ours.path.rstrip("/")
        if not endpoint.path.startswith(f"{prefix}/"):
            raise wire.Nonsense("the token endpoint is outside of the authority")
        return endpoint.path.removeprefix(prefix).replace("{", "{{").replace("}", "}}")
