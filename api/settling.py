"""The settler of this process: started with the house, ended with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from api.settings import Settings
from resolvers.context import Services
from upstreams.call import Call
from upstreams.database import Database
from upstreams.secret import Secret
from upstreams.settle_queue import SettleQueue, listen
from upstreams.settler import Settler, checkpointing
from upstreams.verdicts import Verdicts
from upstreams.visibility import EVERYTHING


@asynccontextmanager
async def settling(settings: Settings, services: Services, state: Database) -> AsyncIterator[None]:
    """Settle while the body runs. What is under way at its end is left to its lease, and to whoever takes it next."""
    config, clock = settings.settling, services.clock
    if not config.enabled:
        yield
        return
    queue = SettleQueue(state)
    settler = Settler(queue, services.ledger, _verdicts(queue, services), clock, config)
    url = settings.state.listen_url or settings.state.database_url or settings.erp.database_url
    work: list[Coroutine[Any, Any, None]] = [
        settler.run(),
        listen(url, settler.wake, clock.sleep),
        checkpointing(queue, clock.sleep, config.checkpoint_every_seconds),
    ]
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _verdicts(queue: SettleQueue, services: Services) -> Verdicts:
    async def password_of(client_number: int, call: Call) -> Secret | None:
        # The order was checked against its caller's agencies when it was received; whoever settles it asks for nobody.
        return (await services.erp.api_passwords([client_number], EVERYTHING, call)).get(client_number)

    return Verdicts(queue, services.platforms, services.hyper, services.broctagon, password_of)
