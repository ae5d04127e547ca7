"""CPlugin's identity server: OIDC discovery and the token endpoint [D, C-py, seed 003]."""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.settings import CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET
from sandbox.vendors.answers import json_answer
from sandbox.vendors.state import VendorState

TOKEN_LIFE_SECONDS: Final = 3600
SCOPE = "webapi"

# Store an issued token.
_GIVE = "INSERT INTO platform.cplugin_token (token_sha256, expires_at) VALUES ($1, $2)"
# End all issued tokens immediately.
_EXPIRE = "DELETE FROM platform.cplugin_token"
# Whether a token is valid.
_GOOD = "SELECT true FROM platform.cplugin_token WHERE token_sha256 = $1 AND expires_at > $2"


def build(state: VendorState) -> Starlette:
    switch = state.switchboard["cplugin_auth"]
    switch.default(expires_in=TOKEN_LIFE_SECONDS)

    async def expire() -> None:
        await state.pool.execute(_EXPIRE)

    switch.expire_tokens = expire
    # The API refuses these tokens, so that a test can revoke tokens at this server or at the API.
    state.switchboard["cplugin"].expire_tokens = expire
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", _discovery, methods=["GET"]),
            Route("/connect/token", _token(state), methods=["POST"]),
        ]
    )


async def _discovery(request: Request) -> Response:
    issuer = str(request.base_url).rstrip("/")
    return json_answer(
        {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/connect/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": [SCOPE],
        }
    )


def _token(state: VendorState) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        refused = _refusal(form, *_credentials(request, form))
        if refused is not None:
            return json_answer({"error": refused}, 400)
        given, life = _new_token(), int(state.switchboard["cplugin_auth"].settings["expires_in"])
        await state.pool.execute(_GIVE, _digest(given), state.clock.now() + timedelta(seconds=life))
        answer = {"access_token": given, "expires_in": life, "token_type": "Bearer", "scope": SCOPE}
        return json_answer(answer, headers={"Cache-Control": "no-store"})

    return handle


async def is_good(state: VendorState, authorization: str) -> bool:
    """Whether this Authorization header holds a valid token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return False
    return bool(await state.pool.fetchval(_GOOD, _digest(token), state.clock.now()))


def _refusal(form: dict[str, str], client_id: str, client_secret: str) -> str | None:
    """The OAuth error of RFC 6749 5.2, if any."""
    known = hmac.compare_digest(client_id.encode(), CPLUGIN_CLIENT_ID.encode())
    if not (hmac.compare_digest(client_secret.encode(), CPLUGIN_CLIENT_SECRET.encode()) and known):
        return "invalid_client"
    if form.get("grant_type") != "client_credentials":
        return "unsupported_grant_type"
    # The SDKs may omit the scope. Another scope than the API's scope is refused.
    return None if form.get("scope", SCOPE) == SCOPE else "invalid_scope"


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """The credentials: by HTTP Basic, as in the seed's PowerShell, or in the form, as in the SDKs."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _new_token() -> str:
    """A new opaque token. It has the form of a JWT, so that a client that wrongly decodes tokens fails in tests."""
    head = {"alg": "RS256", "typ": "at+jwt"}
    body = {"client_id": CPLUGIN_CLIENT_ID, "scope": [SCOPE], "jti": secrets.token_hex(8)}
    parts = [json.dumps(head).encode(), json.dumps(body).encode(), secrets.token_bytes(64)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
