"""New accounts: user/add, one step [D, MQ-user]. It has no idempotency key, so that it is never repeated.

Our reference is in the account's comment. The account of a lost answer is found in the list of its group.
"""

import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from core.call import Call
from core.commands import NewAccountCommand, NewAccountReceipt
from core.errors import Reason
from core.secret import Secret
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.command_checks import check_reference
from upstreams.vendors.kit.history_search import Found, absence_counts_after, match_one, read_history, search_history
from upstreams.vendors.kit.protocol import Prepared
from upstreams.vendors.mt5_web.balance_operations import wait_briefly
from upstreams.vendors.mt5_web.connection import Mt5WebConnection
from upstreams.vendors.mt5_web.live import USERS_PATH
from upstreams.vendors.mt5_web.retcodes import HEADERS, JSON_HEADERS, escape, open_envelope, open_whole, read_group

ADD_PATH = "/api/user/add?group={group}&name={name}&leverage={leverage}"
GROUP_USERS_PATH = USERS_PATH + "?group={group}"
# 8 to 16 characters of four classes [D].
PASSWORD_LENGTH: Final = 16
_CLASSES: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#%()*+-.:;?@_")
# The account may sign in, change its password, use trailing stops and experts, and get reports. Without the first right
# it cannot sign in [D].
RIGHTS: Final = "355"
# Some 1.5 kB an account.
_GROUP_MAX_BYTES = 64 * 1024 * 1024


class _Added(msgspec.Struct, rename="pascal"):
    login: int | str


class _User(msgspec.Struct, rename="pascal"):
    login: int | str
    group: str | None = None
    comment: str | None = None


class Mt5WebAccounts:
    def __init__(self, name: str, groups: tuple[str, ...], connection: Mt5WebConnection) -> None:
        self._name = name
        self._groups = groups
        self._link = connection.money
        self._default_leverage = connection.config.default_leverage

    async def prepare(self, command: NewAccountCommand, call: Call) -> Prepared[NewAccountReceipt]:
        check_reference(command.reference)
        failures = self._link.failures
        if command.group not in self._groups:
            raise failures.rejected(Reason.VALIDATION_FAILED, "The group is not allowed on this server.")
        leverage = self._default_leverage if command.leverage is None else command.leverage
        if leverage < 1 or leverage != int(leverage):
            raise failures.rejected(Reason.VALIDATION_FAILED, "MT5's leverage is a whole number from 1.")
        await self._link.open_session(self._name, call)
        values = {"group": escape(command.group), "name": escape(command.name), "leverage": str(int(leverage))}
        password = Secret(new_password())
        # Passwords are only in the body, because the address is logged on the way [D].
        body: dict[str, Any] = {
            "PassMain": password.reveal(),
            "PassInvestor": new_password(),
            "Comment": command.reference,
            "Rights": RIGHTS,
        }
        if command.email is not None:
            body["Email"] = command.email
        request = HttpRequest(
            "POST", ADD_PATH, values, headers=JSON_HEADERS, content=wire.encode(body), writes=True, lane=self._name
        )
        return PreparedAccount(self._link, self._name, request, password, call)


@dataclass(frozen=True, slots=True)
class PreparedAccount:
    _link: Link
    _server: str
    _request: HttpRequest
    _password: Secret
    _call: Call

    async def send(self) -> NewAccountReceipt:
        login = await self._link.write(self._request, self._read, wait_briefly(self._call, self._link))
        return NewAccountReceipt(server=self._server, login=login, initial_password=self._password.reveal())

    def _read(self, answer: HttpAnswer) -> str:
        """The login, which is in the answer, or beside it in some builds [D]."""
        envelope = open_envelope(answer, self._link.failures, writes=True)
        written = envelope.login
        if bytes(envelope.answer) != b"null":
            written = msgspec.json.decode(envelope.answer, type=_Added).login
        login = wire.read_whole(written)
        if not login or login < 0:
            raise wire.Nonsense("no login")
        return str(login)


class Mt5WebAccountHistory:
    """The accounts of one server. The vendor has no search by comment, so that whole lists are read [D].

    All groups of the settings are read, because the back office may move an account to another one.
    """

    def __init__(self, name: str, groups: tuple[str, ...], connection: Mt5WebConnection) -> None:
        self.absence_counts_after = absence_counts_after(connection.money.limits.total_timeout_seconds)
        self._name = name
        self._groups = groups
        self._link = connection.reads

    async def find(self, command: NewAccountCommand, _sent_at: datetime, call: Call) -> NewAccountReceipt | None:
        """Find the account. Its password was in the lost answer's request, and no caller gets it."""

        def read(answer: HttpAnswer) -> NewAccountReceipt | None:
            users, unread = read_history(open_whole(answer, self._link.failures), _User)
            login = match_one((_found(user, command) for user in users), command.reference, unread, ["Comment"])
            return None if login is None else NewAccountReceipt(server=self._name, login=login)

        request = HttpRequest(
            "GET",
            GROUP_USERS_PATH,
            {"group": ",".join(map(escape, dict.fromkeys((command.group, *self._groups))))},
            headers=HEADERS,
            lane=self._name,
            alone=True,
            max_answer_bytes=_GROUP_MAX_BYTES,
        )
        return await search_history(self._link.read(request, read, call), self._link.failures)


def _found(user: _User, command: NewAccountCommand) -> Found:
    return Found(
        user.comment or "", str(user.login), str(user.login) != "0" and read_group(user.group) == command.group
    )


def new_password() -> str:
    """A random password with a character of each class."""
    letters = [secrets.choice(kind) for kind in _CLASSES]
    letters += [secrets.choice("".join(_CLASSES)) for _ in range(PASSWORD_LENGTH - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)
