"""The handling of a v2 call: token, trade platform, deadline header, operation and envelope."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.vendors.answers import BadBody, Handler
from sandbox.vendors.cplugin.envelope import BusinessError, Envelope, error_of_fault, failure, success
from sandbox.vendors.cplugin.keys import Key, Operation, nobody_knows
from sandbox.vendors.cplugin_auth import is_good
from sandbox.vendors.faults import Fault
from sandbox.vendors.misbehaviour import ACTIVE_FAULT
from sandbox.vendors.state import Pool, VendorState

DEADLINES: Final = {"trade": 5, "read": 10, "change": 15, "history": 30}
"""Default deadlines in seconds by kind of operation [D, C-py]."""
MIN_DEADLINE, MAX_DEADLINE = 1, 300

# A trade platform by its GUID, with the platform's name.
_SERVER = "SELECT name, platform, timezone FROM platform.server WHERE face = 'cplugin' AND vendor_id = $1"


@dataclass(frozen=True, slots=True)
class Visit:
    """One authorised call to one trade platform."""

    state: VendorState
    request: Request
    server: str
    platform: str
    timezone: str

    @property
    def pool(self) -> Pool:
        return self.state.pool

    def group(self) -> str:
        """The group. A NUL is replaced, because PostgreSQL cannot store it and no group has it in its name."""
        return str(self.request.path_params["group"]).replace("\0", "?")

    def login(self) -> int:
        """The login. MT4 logins are int32, and MT5 logins are wider [D, C-spec]."""
        text = str(self.request.path_params["login"])
        limit = 2**31 if self.platform == "MT4" else 2**63
        if not (text.isascii() and text.isdigit() and int(text) < limit):
            raise BusinessError("Validation", "login is out of range.")
        return int(text)


async def admit(state: VendorState, request: Request) -> Visit | Response:
    """The visit, or 401 for a bad token and 403 for a foreign trade platform."""
    if not await is_good(state, request.headers.get("authorization", "")):
        return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
    row = await state.pool.fetchrow(_SERVER, _guid(request.path_params["tp"]))
    if row is None:
        return Response(status_code=403)
    return Visit(state, request, row["name"], row["platform"], row["timezone"])


def _guid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def deadline(request: Request, kind: str) -> str:
    """The deadline in seconds, as the server writes it: with up to three decimals."""
    text = request.headers.get("x-request-timeout")
    if text is None:
        return str(DEADLINES[kind])
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = Decimal(0)
    if not MIN_DEADLINE <= seconds <= MAX_DEADLINE:
        raise BusinessError("Validation", "X-Request-Timeout must be from 1 to 300 seconds.")
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


Read = Callable[[Visit], Awaitable[Any]]
Prepare = Callable[[Visit, bytes], Operation]


def handle_read(state: VendorState, platform: str, kind: str, read: Read) -> Handler:
    """A handler of a v2 read."""

    async def handle(request: Request) -> Response:
        visit = await admit(state, request)
        if isinstance(visit, Response):
            return visit
        applied = str(DEADLINES[kind])
        try:
            applied = deadline(request, kind)
            _check_platform(visit, platform)
            _play_error(request)
            return success(await read(visit)).response(applied)
        except BusinessError as error:
            return failure(error).response(applied)

    return handle


def handle_change(state: VendorState, platform: str, kind: str, prepare: Prepare) -> Handler:
    """A handler of a v2 change, which is checked first and then executed once for its Idempotency-Key."""

    async def handle(request: Request) -> Response:
        visit = await admit(state, request)
        if isinstance(visit, Response):
            return visit
        applied = str(DEADLINES[kind])
        try:
            applied = deadline(request, kind)
            _check_platform(visit, platform)
            return (await _change(visit, prepare)).response(applied)
        except BusinessError as error:
            return failure(error).response(applied)
        except BadBody as error:
            return failure(BusinessError("Validation", str(error))).response(applied)

    return handle


async def _change(visit: Visit, prepare: Prepare) -> Envelope:
    body = await visit.request.body()
    key = Key.of(visit.state, visit.request.headers.get("idempotency-key"), _path(visit.request), body)
    operation = prepare(visit, body)
    fault: Fault | None = visit.request.scope.get(ACTIVE_FAULT)
    if fault is not None and fault.code == "Busy":
        # The request is refused before its key is read.
        raise error_of_fault("Busy")
    instead = await key.take()
    if instead is not None:
        return instead
    if fault is None:
        return await key.run(operation)
    return await _misbehave(key, operation, fault)


def _path(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


async def _misbehave(key: Key, operation: Operation, fault: Fault) -> Envelope:
    """Apply a fault: a business error, with the operation applied, applied later, or not applied."""
    if fault.apply and fault.seconds:
        await key.run_late(operation, fault.seconds)
    elif fault.apply:
        await key.run(operation, "unknown" if fault.code == "OutcomeUnknown" else "answered")
    elif fault.code == "OutcomeUnknown":
        await key.doubt()
    else:
        await key.free()
    raise nobody_knows() if fault.code == "OutcomeUnknown" else error_of_fault(str(fault.code))


def _check_platform(visit: Visit, platform: str) -> None:
    if visit.platform != platform:
        raise BusinessError("Validation", f"The trade platform is no {platform} server.")


def _play_error(request: Request) -> None:
    fault: Fault | None = request.scope.get(ACTIVE_FAULT)
    if fault is not None:
        raise error_of_fault(str(fault.code))


def route(path: str, handler: Handler, method: str = "GET") -> Route:
    """A route without regard to case, as in ASP.NET: the seed itself has /API and /api."""
    made = Route(path, handler, methods=[method])
    made.path_regex = re.compile(made.path_regex.pattern, re.IGNORECASE)
    return made
