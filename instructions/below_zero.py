"""Withdrawals after which the balance was below zero, because trading moved the margin between check and booking."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.commands import MoneyReceipt, NewAccountReceipt, WithdrawalCommand
from core.errors import UpstreamError
from instructions.drafts import Prepared
from upstreams.vendors.kit.protocol import Withdrawals

log = structlog.get_logger(__name__)

_SECONDS = 20.0


class BelowZero:
    """Reads the balance after each booked withdrawal, and counts the balances below zero. The reading delays no answer,
    and its failure changes nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self.count = 0
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    async def prepare(self, withdrawals: Withdrawals, command: WithdrawalCommand, call: Call) -> Prepared:
        """The prepared withdrawal, which reads the balance after it is booked."""
        return _Watched(await withdrawals.prepare(command, call), partial(self.look, withdrawals, command))

    def look(self, withdrawals: Withdrawals, command: WithdrawalCommand) -> None:
        """Read the balance in a task."""
        task = asyncio.create_task(self._look(withdrawals, command))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _look(self, withdrawals: Withdrawals, command: WithdrawalCommand) -> None:
        identity = command.idempotency_key
        call = Call(Deadline.after(_SECONDS, self._clock), Tally(), f"after-{identity}", for_command=True)
        try:
            balance = await withdrawals.balance(command.login, call)
        except UpstreamError as error:
            log.warning("withdrawal.balance_not_read", instruction=identity, error=type(error).__name__)
            return
        if balance is not None and balance < 0:
            self.count += 1
            log.error("withdrawal.below_zero", instruction=identity, server=command.server)

    async def aclose(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Watched:
    prepared: Prepared
    booked: Callable[[], None]

    async def send(self) -> MoneyReceipt | NewAccountReceipt | None:
        receipt = await self.prepared.send()
        self.booked()
        return receipt
