"""Access to the pages beside the graph: the schema file, the metrics, the details of readiness."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from api.identity.api_keys import Unauthenticated
from api.identity.authenticator import IdentityUnknown
from api.services import AppServices
from api.settings.settings import Audience
from resolvers.policy.scopes import Scope

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="brokergraph"'}


async def refusal_for(request: Request, audience: Audience, scope: Scope) -> Response | None:
    """The refusal of a caller that may not see the page; None for a caller that may."""
    if audience == "everyone":
        return None
    if audience == "nobody":
        return _text("There is no such page on this server.", HTTPStatus.NOT_FOUND)
    app_services: AppServices = request.state.app_services
    try:
        caller = await app_services.authenticator.caller(request.headers.get("authorization"))
    except Unauthenticated as error:
        return _text(str(error), HTTPStatus.UNAUTHORIZED, CHALLENGE)
    except IdentityUnknown as error:
        return _text(str(error), HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(error.retry_after_seconds)})
    if audience == "operators" and not caller.may(scope):
        return _text(f"This page needs the scope {scope}, which this caller does not hold.", HTTPStatus.FORBIDDEN)
    return None


def _text(message: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{message}\n", status, headers, "text/plain")
