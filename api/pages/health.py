"""Whether the process lives, and whether it can do its work."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.pages.access import turned_away
from api.services import House
from core.clock import Deadline
from core.errors import UpstreamError
from resolvers.policy.scopes import Scope
from upstreams.flow.single_flight import SingleFlight
from upstreams.postgres.database import Database

_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0


class Readiness:
    """Looks at the databases once for all who ask at the same moment: anybody may, and as often as they like."""

    def __init__(self) -> None:
        self._flight: SingleFlight[tuple[bool, bool]] = SingleFlight()

    async def look(self, house: House) -> tuple[bool, bool]:
        """Whether the ERP's and the state database answer."""

        async def fetch() -> tuple[bool, bool]:
            erp, state = await asyncio.gather(_answers(house.erp), _answers(house.state))
            return erp, state

        # Each look has an end of its own; this is only so that nobody waits without one.
        return await self._flight.run("look", fetch, Deadline.after(_PATIENCE_SECONDS, house.clock))

    async def aclose(self) -> None:
        await self._flight.aclose()


async def livez(_request: Request) -> Response:
    """200 while the process answers at all."""
    return Response("alive\n", media_type="text/plain")


async def readyz(request: Request) -> Response:
    """200 when both databases answer. A dead vendor does not make the graph unready: its fields are null meanwhile.

    Which of them is away is for those whom the settings name; whoever sends traffic needs the status alone.
    """
    house: House = request.state.house
    names = ("erp_database", "state_database")
    readiness: Readiness = request.state.readiness
    answers = await readiness.look(house)
    found: dict[str, bool | str] = {"ready": all(answers)}
    if await turned_away(request, house.settings.server.readiness_details, Scope.METRICS_READ) is None:
        found |= {name: "up" if up else "down" for name, up in zip(names, answers, strict=True)}
    return Response(msgspec.json.encode(found), 200 if all(answers) else 503, media_type="application/json")


async def _answers(database: Database) -> bool:
    try:
        await database.write("SELECT 1", seconds=_SECONDS)
    except UpstreamError:
        return False
    return True
