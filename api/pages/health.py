"""Health pages: whether the process answers, and whether its databases answer."""

import asyncio
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.pages.access import refusal_for
from api.services import AppServices
from core.clock import Deadline
from resolvers.policy.scopes import Scope
from upstreams.flow.single_flight import SingleFlight

_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0
_STOPPING = msgspec.json.encode({"ready": False, "stopping": True})


@dataclass(frozen=True, slots=True)
class Condition:
    """Which databases answer, whether instructions can be written, and whether our schema is that of this version."""

    erp: bool
    state: bool
    instructions: bool
    migrated: bool

    @property
    def answers(self) -> bool:
        return self.erp and self.state and self.migrated

    @property
    def takes_mutations(self) -> bool:
        return self.answers and self.instructions

    def details(self) -> dict[str, str]:
        schema = "up" if self.migrated else "not migrated: run `brokergraph migrate`"
        return {
            "erp_database": "up" if self.erp else "down",
            "state_database": schema if self.state else "down",
            "instructions": "available" if self.instructions else "unavailable",
        }


class Readiness:
    """Checks the databases once for all concurrent requests, because the address needs no key."""

    def __init__(self) -> None:
        self._single_flight: SingleFlight[Condition] = SingleFlight()

    async def look(self, app_services: AppServices) -> Condition:
        async def fetch() -> Condition:
            upstreams = app_services.upstreams
            return Condition(
                *await asyncio.gather(
                    upstreams.erp_database.answers(_SECONDS),
                    upstreams.state.database.answers(_SECONDS),
                    upstreams.state.ledger.access.look(_SECONDS),
                    upstreams.state.schema.is_current(_SECONDS),
                )
            )

        # Each check has its own time-out. This deadline only bounds the wait of a request.
        return await self._single_flight.run("look", fetch, Deadline.after(_PATIENCE_SECONDS, app_services.clock))

    async def aclose(self) -> None:
        await self._single_flight.aclose()


async def livez(_request: Request) -> Response:
    """200 while the process answers at all."""
    return Response("alive\n", media_type="text/plain")


async def readyz(request: Request) -> Response:
    """200 when both databases answer and our schema is migrated.

    With `?for=mutations`, 200 when instructions can be written as well.

    An unavailable vendor does not make the graph unready, because only its fields are null. A state database without
    writes does not make it unready either, because reads continue and mutations are refused before a row is written.
    A server that is about to stop is not ready (`api/draining.py`).

    The details are for the audience of the settings. A load balancer needs only the status.
    """
    purpose = request.query_params.get("for")
    if purpose not in (None, "mutations"):
        return Response("`for` must be missing or `mutations`.\n", 400, media_type="text/plain")
    if not request.state.draining.is_ready:
        return Response(_STOPPING, 503, media_type="application/json")
    app_services: AppServices = request.state.app_services
    readiness: Readiness = request.state.readiness
    condition = await readiness.look(app_services)
    ready = condition.takes_mutations if purpose else condition.answers
    found: dict[str, bool | str] = {"ready": ready}
    if await refusal_for(request, app_services.settings.server.readiness_details, Scope.METRICS_READ) is None:
        found |= condition.details()
    return Response(msgspec.json.encode(found), 200 if ready else 503, media_type="application/json")
