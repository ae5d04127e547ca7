"""New MT4 accounts: UserRecordNew and then UserPasswordSet, because the first call has no parameter for a password [D,
C-spec].

The second step can fail alone. The account then exists, so that the outcome is unknown and has the login. The
reconciler finds the account by our reference and repeats the second step. No account is made twice, because the first
step is repeated only with its own key.
"""

import secrets
import string
from dataclasses import dataclass
from typing import Any

import msgspec

from core.call import Call
from core.commands import NewAccountCommand, NewAccountReceipt
from core.errors import OutcomeUnknown, Reason, UpstreamError
from core.secret import Secret
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.commands.writes import Writer
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.command_checks import LONGEST_KEY, check_reference
from upstreams.vendors.kit.protocol import Prepared

# MT4 requires 5 to 15 characters of two of three classes [D, B-mt4/create]. Our passwords have all three classes.
PASSWORD_LENGTH = 15
SECOND_STEP_SUFFIX = ":password"
RESUMED_KEY_BYTES = 8
# The longest text that we add to the caller's key for the second step and for each repeat of it.
LONGEST_SUFFIX = len(SECOND_STEP_SUFFIX) + 1 + 2 * RESUMED_KEY_BYTES


class _NewUser(msgspec.Struct):
    login: int


class Mt4Accounts:
    def __init__(self, platform: TradePlatform, server: str, groups: tuple[str, ...]) -> None:
        self._writer = Writer(platform)
        self._server = server
        self._groups = groups

    async def prepare(self, command: NewAccountCommand, call: Call) -> Prepared[NewAccountReceipt]:
        self._check(command)
        body: dict[str, Any] = {
            "login": 0,
            "group": command.group,
            "name": command.name,
            # The reference is in both fields, so that one field is enough to find a lost account [I].
            "comment": command.reference,
            "externalId": command.reference,
        }
        if command.leverage is not None:
            body["leverage"] = int(command.leverage)
        if command.email is not None:
            body["email"] = command.email
        write = await self._writer.prepare("UserRecordNew", body, self._read, call, key=command.idempotency_key)
        return PreparedMt4Account(self, write, command.idempotency_key, call)

    def _check(self, command: NewAccountCommand) -> None:
        check_reference(command.reference)
        failures = self._writer.failures
        if command.group not in self._groups:
            raise failures.rejected(Reason.VALIDATION_FAILED, "The group is not allowed on this server.")
        if command.leverage is not None and (
            command.leverage < 1 or command.leverage != command.leverage.to_integral_value()
        ):
            raise failures.rejected(Reason.VALIDATION_FAILED, "MT4's leverage is a whole number from 1.")
        if len(command.idempotency_key) > LONGEST_KEY - LONGEST_SUFFIX:
            raise ValueError("the idempotency key leaves no room for the second step's")

    def _read(self, answer: HttpAnswer) -> str:
        login = msgspec.json.decode(self._writer.data(answer), type=_NewUser).login
        if login <= 0:
            raise wire.Nonsense("no login")
        return str(login)

    async def finish(self, login: str, key: str, call: Call) -> NewAccountReceipt:
        """Set the password, which is the second step. The account exists even if this step fails."""
        if not self._writer.v2:
            # v1 documents no call for a password: "rest fields MT4 will fill/generate" [D, seed 003].
            return NewAccountReceipt(server=self._server, login=login)
        password = Secret(new_password())
        try:
            await self._set_password(login, password, key, call)
        except UpstreamError as error:
            raise self._half_done(login, error) from error
        return NewAccountReceipt(server=self._server, login=login, initial_password=password.reveal())

    async def resume(
        self, login: str, command: NewAccountCommand, call: Call, *, has_password: bool
    ) -> NewAccountReceipt:
        """Finish an account whose answer was lost.

        No caller got the first password. The account therefore gets a new password that is not shown, and an operator
        sets another password for the client.
        """
        if has_password:
            return NewAccountReceipt(server=self._server, login=login)
        # Each repeat has its own key, because a new password changes the body, and one key must not have two bodies.
        await self.finish(login, f"{command.idempotency_key}:{secrets.token_hex(RESUMED_KEY_BYTES)}", call)
        return NewAccountReceipt(server=self._server, login=login)

    async def _set_password(self, login: str, password: Secret, key: str, call: Call) -> None:
        write = await self._writer.prepare(
            "UserPasswordSet/{login}",
            password.reveal(),
            self._read_password_set,
            call,
            key=f"{key}{SECOND_STEP_SUFFIX}",
            values={"login": login},
        )
        await write.send()

    def _read_password_set(self, answer: HttpAnswer) -> None:
        if msgspec.json.decode(self._writer.data(answer)) is False:
            raise wire.Nonsense("the password was not set")

    def _half_done(self, login: str, error: UpstreamError) -> OutcomeUnknown:
        return self._writer.failures.unknown(
            "made the account, but its password is not set",
            upstream_code=error.upstream_code,
            detail=f"second step: {type(error).__name__} {error.detail}",
            reference=login,
        )


@dataclass(frozen=True, slots=True)
class PreparedMt4Account:
    _accounts: Mt4Accounts
    _write: Prepared[str]
    _key: str
    _call: Call

    async def send(self) -> NewAccountReceipt:
        login = await self._write.send()
        return await self._accounts.finish(login, self._key, self._call)


def new_password() -> str:
    """A random password with at least one small letter, one capital letter and one digit."""
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    while True:
        password = "".join(secrets.choice("".join(classes)) for _ in range(PASSWORD_LENGTH))
        if all(any(letter in kind for letter in password) for kind in classes):
            return password
