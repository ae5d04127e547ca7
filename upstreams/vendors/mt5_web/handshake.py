"""The handshake of a session [D, MQ-auth]: both sides prove that they know the manager's API password.

GET /api/auth/start      the server sends a challenge
GET /api/auth/answer     our proof and our challenge; the answer has the server's proof. Within 10 s, once
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import md5
from http import HTTPStatus

import msgspec

from core.errors import UpstreamError
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.failures import Failures
from upstreams.http.request import HttpRequest
from upstreams.http.sessions import Send
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.mt5_web.config import Mt5WebConfig
from upstreams.vendors.mt5_web.retcodes import HEADERS, SUCCESS, read_code, refusal_of

START_PATH = "/api/auth/start?version={version}&agent={agent}&login={login}&type=manager"
ANSWER_PATH = "/api/auth/answer?srv_rand_answer={proof}&cli_rand={challenge}"
_CHALLENGE_BYTES = 16
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class _Step(msgspec.Struct):
    retcode: int | str
    srv_rand: str = ""
    cli_rand_answer: str = ""


def password_hash(password: str) -> bytes:
    """MD5 over the MD5 of the password in UTF-16LE and the six bytes `WebAPI`."""
    return _md5(_md5(password.encode("utf-16-le")) + b"WebAPI")


def prove(hashed: bytes, challenge: bytes) -> str:
    """The answer to a challenge, in hexadecimal digits."""
    return _md5(hashed + challenge).hex()


@dataclass(frozen=True, slots=True)
class Handshake:
    config: Mt5WebConfig
    failures: Failures

    async def begin(self, send: Send) -> None:
        """Sign in on a new connection. Raises Unavailable if the server refuses us, or cannot prove its identity."""
        values = {"version": str(self.config.version), "agent": self.config.agent, "login": self.config.login}
        challenge = (await self._ask(send, START_PATH, values)).srv_rand
        hashed, ours = password_hash(self.config.password.reveal()), secrets.token_bytes(_CHALLENGE_BYTES)
        try:
            proof = prove(hashed, _unhex(challenge))
        except ValueError as error:
            raise self._unreadable() from error
        answer = await self._ask(send, ANSWER_PATH, {"proof": proof, "challenge": ours.hex()})
        theirs = answer.cli_rand_answer.lower().encode()
        if not hmac.compare_digest(theirs, prove(hashed, ours).encode()):
            raise self.failures.unavailable(
                "did not prove that it knows our password; it may be another server", detail="handshake: wrong proof"
            )

    async def _ask(self, send: Send, path: str, values: dict[str, str]) -> _Step:
        answer = await send(HttpRequest("GET", path, values, headers=HEADERS))
        # Which step refuses, and with HTTP 403 or with a code, is not documented [I].
        if answer.status in _REFUSED:
            raise self.failures.credentials(str(int(answer.status)), "handshake: refused")
        try:
            step = wire.decode(answer.body, _Step)
            code = read_code(step.retcode)
        except (msgspec.DecodeError, ValueError) as error:
            raise self._unreadable(answer) from error
        if code not in SUCCESS:
            raise refusal_of(code, self.failures, writes=False)
        return step

    def _unreadable(self, answer: HttpAnswer | None = None) -> UpstreamError:
        detail = "handshake" if answer is None else f"handshake: HTTP {answer.status}"
        return self.failures.unavailable("answered with something that cannot be read", detail=detail)


def _unhex(challenge: str) -> bytes:
    found = bytes.fromhex(challenge)
    if len(found) != _CHALLENGE_BYTES:
        raise ValueError("a challenge has 16 bytes")
    return found


def _md5(content: bytes) -> bytes:
    return md5(content, usedforsecurity=False).digest()
