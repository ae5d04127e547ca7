"""v1: JSON without an envelope [D, seed 003]. Its refusals are not documented: HTTP 400 or 404 here [I]."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.vendors.answers import BadBody, Handler, json_answer
from sandbox.vendors.cplugin import accounts, trades
from sandbox.vendors.cplugin.desk import Visit, admit
from sandbox.vendors.cplugin.envelope import BusinessError, error_of_fault
from sandbox.vendors.cplugin_auth import is_good
from sandbox.vendors.faults import Fault
from sandbox.vendors.misbehaviour import ACTIVE_FAULT
from sandbox.vendors.state import VendorState

ORGANIZATION = "5f1c7d8e-3a94-4a0b-b1a6-0c9b1f2e4d77"
CREATED = "2023-06-30T09:00:00Z"
MANAGER_LOGIN = 1

# The trade platforms that these credentials may use.
_PLATFORMS = "SELECT name, platform, vendor_id FROM platform.server WHERE face = 'cplugin' ORDER BY name"


def handle_v1(state: VendorState, act: Callable[[Visit], Awaitable[Any]]) -> Handler:
    """A handler of a v1 call. It acts on the same accounts as v2."""

    async def handle(request: Request) -> Response:
        visit = await admit(state, request)
        if isinstance(visit, Response):
            return visit
        fault: Fault | None = request.scope.get(ACTIVE_FAULT)
        try:
            if fault is not None and not fault.apply:
                raise error_of_fault(str(fault.code))
            answer = await act(visit)
            if fault is not None:
                raise error_of_fault(str(fault.code))
            return json_answer(answer)
        except BusinessError as error:
            body = {"code": error.code, "managerCode": error.manager_code, "message": error.message}
            return json_answer(body, 404 if error.code == "NotFound" else 400)
        except BadBody as error:
            return json_answer({"code": "Validation", "managerCode": None, "message": str(error)}, 400)

    return handle


async def trade_transaction(visit: Visit) -> dict[str, Any]:
    """Run a trade. Every call is executed, because no Idempotency-Key is documented for v1."""
    operation = trades.prepare_plain(visit, await visit.request.body())
    async with visit.pool.acquire() as connection, connection.transaction():
        return await operation(connection)


async def user_record_new(visit: Visit) -> dict[str, Any]:
    fields = trades.fields_of(await visit.request.body())
    accounts.check_new(fields)
    async with visit.pool.acquire() as connection, connection.transaction():
        return await accounts.create(connection, visit, fields)


async def ping(_visit: Visit) -> bool:
    return True


def trade_platforms(state: VendorState) -> Handler:
    """The trade platforms, as an array [D, seed 003]."""

    async def handle(request: Request) -> Response:
        if not await is_good(state, request.headers.get("authorization", "")):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return json_answer([_trade_platform(row) for row in await state.pool.fetch(_PLATFORMS)])

    return handle


def _trade_platform(row: Any) -> dict[str, Any]:
    return {
        "id": row["vendor_id"],
        "name": row["name"],
        "type": row["platform"],
        "login": MANAGER_LOGIN,
        "organizationId": ORGANIZATION,
        "organization": {"id": ORGANIZATION, "name": "Sandbox Brokerage", "created": CREATED},
        "created": CREATED,
    }
