"""One command of a session: its parameters, and the envelope of its answer."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from sandbox.vendors.answers import BadBody, decode, json_answer
from sandbox.vendors.state import Pool, VendorState

MAX_LOGIN = 2**63 - 1
_ESCAPED = re.compile(r"\\([=|\\\n])")
_TOP_LEVEL = frozenset({"login"})


class Refused(Exception):
    """A return code other than 0."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


INVALID = (3, "Invalid parameters")
NOT_FOUND = (13, "Not found")


@dataclass(frozen=True, slots=True)
class Server:
    """The MT5 server of a session."""

    name: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Visit:
    state: VendorState
    server: Server
    query: dict[str, str]
    body: dict[str, Any]

    @classmethod
    async def of(cls, state: VendorState, request: Request, server: Server) -> "Visit":
        content = await request.body()
        try:
            body = decode(content) if content else {}
        except BadBody:
            raise Refused(*INVALID) from None
        if not isinstance(body, dict):
            raise Refused(*INVALID)
        return cls(state, server, read_query(request), body)

    @property
    def pool(self) -> Pool:
        return self.state.pool

    def text(self, name: str, default: str | None = None) -> str:
        value = self.query.get(name, default)
        if value is None or "\0" in value:
            raise Refused(*INVALID)
        return value

    def whole(self, name: str, default: str | None = None) -> int:
        text = self.text(name, default)
        if not re.fullmatch("-?[0-9]{1,20}", text) or abs(int(text)) > MAX_LOGIN:
            raise Refused(*INVALID)
        return int(text)

    def logins(self) -> list[int]:
        texts = self.text("login").split(",")
        if not all(re.fullmatch("[0-9]{1,19}", text) and int(text) <= MAX_LOGIN for text in texts):
            raise Refused(*INVALID)
        return [int(text) for text in texts]

    def seconds(self, moment: datetime) -> int:
        """The stamp of a time: the server's wall clock, written as if it were UTC [I]."""
        minutes = self.state.switchboard["mt5_web"].settings["clock_minutes"]
        if minutes is not None:
            return int((moment + timedelta(minutes=minutes)).timestamp())
        local = moment.astimezone(ZoneInfo(self.server.timezone))
        return int(local.replace(tzinfo=UTC).timestamp())


def read_query(request: Request) -> dict[str, str]:
    """The parameters. A plus is a plus here, and a backslash protects the special characters [D, MQ-esc]."""
    parts = request.scope["query_string"].decode("latin-1").split("&")
    pairs = (part.partition("=") for part in parts if part)
    return {name: _ESCAPED.sub(r"\1", unquote(value)) for name, _, value in pairs}


def answer_with(code: int, words: str, content: Any = None) -> Response:
    """The envelope: the code first, and all scalars as text [D, MQ-fmt]."""
    more = {} if content is None else {"answer": _as_text(content)}
    if isinstance(content, dict):
        more = {name: str(content[name]) for name in content.keys() & _TOP_LEVEL} | more
    return json_answer({"retcode": f"{code} {words}"} | more)


def _as_text(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _as_text(value) for name, value in content.items() if name not in _TOP_LEVEL}
    if isinstance(content, list):
        return [_as_text(one) for one in content]
    return str(content)
