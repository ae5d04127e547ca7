"""The reconciler of this process: it starts and ends with the server."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from api.background import running
from api.settings.settings import Settings
from core.call import Call
from core.clock import Clock
from core.secret import Secret
from core.visibility import EVERYTHING
from instructions.approvals import keep_expiring
from instructions.below_zero import BelowZero
from instructions.reconciler import Reconciler, make_checkpoints
from instructions.reconciliation import Verdicts
from upstreams.services import UpstreamServices
from upstreams.state.doorbell.doorbell import Bell


@asynccontextmanager
async def reconciling(
    settings: Settings, upstreams: UpstreamServices, below_zero: BelowZero, clock: Clock
) -> AsyncIterator[None]:
    """Reconcile while the body runs. At the end, claimed instructions stay until their lease ends; another process then
    takes them.
    """
    config, queue = settings.reconciliation, upstreams.state.reconciliation
    if not config.enabled:
        yield
        return
    reconciler = Reconciler(queue, upstreams.state.ledger, _verdicts(upstreams, below_zero), clock, config)
    upstreams.doorbell.on(Bell.UNSETTLED, reconciler.wake)
    work: list[Coroutine[Any, Any, None]] = [
        reconciler.run(),
        make_checkpoints(queue, clock.sleep, config.checkpoint_every_seconds),
        keep_expiring(upstreams.state.ledger, settings.withdrawals.approval_expires_hours, clock.sleep),
    ]
    async with running(*work):
        yield


def _verdicts(upstreams: UpstreamServices, below_zero: BelowZero) -> Verdicts:
    async def password_of(client_number: int, call: Call) -> Secret | None:
        # The command was checked against its caller's agencies when it was received; the reconciler has no caller.
        return (await upstreams.erp.api_passwords([client_number], EVERYTHING, call)).get(client_number)

    systems = upstreams.platforms, upstreams.erp_api, upstreams.crm
    return Verdicts(upstreams.state.reconciliation, *systems, password_of, below_zero)
