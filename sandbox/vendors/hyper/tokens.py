"""The access token of the connection and its refresh token [D, H-1445]. Both tokens are stored for the next start.

The field names of the answer to RefreshToken are not documented. "AccessToken" and "RefreshToken" are assumed [I].
"""

import hmac
import secrets
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.settings import HYPER_ACCESS_TOKEN, HYPER_REFRESH_TOKEN
from sandbox.vendors.hyper.codes import OK, WRONG_TOKEN, HyperRefusal, answer
from sandbox.vendors.state import Connection, Pool, VendorState

ACCESS_LENGTH: Final = 120
REFRESH_LENGTH: Final = 200
ACCESS_LIFE_SECONDS: Final = 3600

# Store the pair of the settings file, unless a pair is stored, which may have been refreshed.
_FIRST = """
    INSERT INTO platform.hyper_token (kind, token) VALUES ('access', $1), ('refresh', $2) ON CONFLICT (kind) DO NOTHING
"""
# Restore the pair of the settings file.
_RESTORE = """
    INSERT INTO platform.hyper_token (kind, token) VALUES ('access', $1), ('refresh', $2)
    ON CONFLICT (kind) DO UPDATE SET token = excluded.token, expires_at = NULL
"""
# The access token while it is valid.
_ACCESS = "SELECT token FROM platform.hyper_token WHERE kind = 'access' AND (expires_at IS NULL OR expires_at > $1)"
# The refresh token. It is locked, so that of two refreshes in replaceable mode the second is refused.
_REFRESH = "SELECT token FROM platform.hyper_token WHERE kind = 'refresh' FOR UPDATE"
# Replace a token by a new token. The old token is then refused.
_REPLACE = "UPDATE platform.hyper_token SET token = $2, expires_at = $3 WHERE kind = $1"
# End the access token immediately.
_EXPIRE = "UPDATE platform.hyper_token SET expires_at = '-infinity' WHERE kind = 'access'"


async def create_first_pair(pool: Pool) -> None:
    await pool.execute(_FIRST, HYPER_ACCESS_TOKEN, HYPER_REFRESH_TOKEN)


async def restore(pool: Pool) -> None:
    await pool.execute(_RESTORE, HYPER_ACCESS_TOKEN, HYPER_REFRESH_TOKEN)


async def expire(pool: Pool) -> None:
    await pool.execute(_EXPIRE)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _same(given: str, known: str | None) -> bool:
    return known is not None and hmac.compare_digest(given.encode(), known.encode())


async def check_token(state: VendorState, request: Request) -> None:
    if not _same(_bearer(request), await state.pool.fetchval(_ACCESS, state.clock.now())):
        raise HyperRefusal(WRONG_TOKEN)


async def refresh(state: VendorState, request: Request) -> Response:
    """Renew the access token. The refresh token is the Bearer token. In replaceable mode the refresh token is renewed
    too.
    """
    async with state.pool.acquire() as connection, connection.transaction():
        if not _same(_bearer(request), await connection.fetchval(_REFRESH)):
            raise HyperRefusal(WRONG_TOKEN)
        fields = await _renew(state, connection)
    return answer(OK, "OK", fields)


async def _renew(state: VendorState, connection: Connection) -> dict[str, str]:
    settings = state.switchboard["hyper"].settings
    expires_at = state.clock.now() + timedelta(seconds=settings["token_life_seconds"])
    access = secrets.token_hex(ACCESS_LENGTH // 2)
    await connection.execute(_REPLACE, "access", access, expires_at)
    if settings["refresh"] == "fixed":
        return {"AccessToken": access}
    renewed = secrets.token_hex(REFRESH_LENGTH // 2)
    await connection.execute(_REPLACE, "refresh", renewed, None)
    return {"AccessToken": access, "RefreshToken": renewed}
