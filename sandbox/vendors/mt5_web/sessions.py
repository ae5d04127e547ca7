"""Sessions of the access server. A session belongs to its TCP connection and ends with it [D, MQ-auth, MQ-ping]."""

import asyncio
import hmac
import secrets
import time
from hashlib import md5
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.settings import MT5_WEB_PASSWORD
from sandbox.vendors.answers import json_answer
from sandbox.vendors.mt5_web.visit import Server, answer_with, read_query
from sandbox.vendors.serving import MEMORY, TRANSPORT
from sandbox.vendors.state import VendorState

CHALLENGE_SECONDS = 10.0
OLDEST_VERSION = 484

# The MT5 server of a manager's login.
_SERVER = "SELECT name, timezone FROM platform.server WHERE face = 'mt5_web' AND vendor_id = $1"


class Sessions:
    def __init__(self, state: VendorState) -> None:
        self._state = state
        self._generation = 0

    def end_all(self) -> None:
        """End all sessions and leave their connections open."""
        self._generation += 1

    def server_of(self, request: Request) -> Server | None:
        """The server of the connection's session. The connection is closed when it is idle for too long."""
        memory = self._memory(request)
        server, generation = memory.get("session", (None, 0))
        return server if generation == self._generation else None

    async def start(self, request: Request) -> Response:
        memory, query = self._memory(request), read_query(request)
        version, agent = query.get("version", ""), query.get("agent", "")
        if not version.isdigit() or query.get("type") != "manager" or not agent or " " in agent:
            return answer_with(3, "Invalid parameters")
        if int(version) < OLDEST_VERSION:
            return answer_with(1010, "Old version")
        row = await self._state.pool.fetchrow(_SERVER, query.get("login", "").replace("\0", "?"))
        if row is None:
            return answer_with(1001, "Invalid account")
        challenge = secrets.token_bytes(16)
        memory["challenge"] = (challenge, time.monotonic(), Server(row["name"], row["timezone"]))
        return json_answer({"retcode": "0 Done", "version_access": "4000", "srv_rand": challenge.hex()})

    async def answer(self, request: Request) -> Response:
        memory, query = self._memory(request), read_query(request)
        # A challenge is good once.
        challenge, since, server = memory.pop("challenge", (b"", 0.0, None))
        hashed = _md5(_md5(MT5_WEB_PASSWORD.encode("utf-16-le")) + b"WebAPI")
        proof = _md5(hashed + challenge).hex()
        good = hmac.compare_digest(query.get("srv_rand_answer", "").encode(), proof.encode())
        if server is None or not good or time.monotonic() - since > CHALLENGE_SECONDS:
            return Response("<html><body>403 Forbidden</body></html>", 403, media_type="text/html")
        memory["session"] = (server, self._generation)
        theirs = _md5(hashed + bytes.fromhex(query.get("cli_rand", ""))).hex()
        return json_answer(
            {"retcode": "0 Done", "version_access": "4000", "version_trade": "4000", "cli_rand_answer": theirs}
        )

    async def quit(self, request: Request) -> Response:
        self._memory(request).pop("session", None)
        return answer_with(0, "Done")

    def _memory(self, request: Request) -> dict[str, Any]:
        """What the server knows of the connection. Each request starts the time after which it is closed anew."""
        memory: dict[str, Any] = request.scope[MEMORY]
        if "timer" in memory:
            memory["timer"].cancel()
        seconds = float(self._state.switchboard["mt5_web"].settings["idle_seconds"])
        memory["timer"] = asyncio.get_running_loop().call_later(seconds, request.scope[TRANSPORT].close)
        return memory


def _md5(content: bytes) -> bytes:
    return md5(content, usedforsecurity=False).digest()
