"""Carries an instruction out: prepare, mark SENT, send, write down what became of it.

The work belongs to the process, not to the caller: whoever hangs up or runs out of time cancels at most the waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from core.call import Call
from core.clock import Clock, Deadline
from core.commands import DepositReceipt, NewAccountReceipt
from core.errors import Misunderstood, OutcomeUnknown, Rejected, System, Unavailable, UpstreamError
from core.records import InstructionRecord
from instructions.failpoints import Step, passed
from instructions.transitions import confirmation, doubt, refusal
from upstreams.state.instructions import Advance, Ledger

log = structlog.get_logger(__name__)

# How long a send may take in all, whatever the caller's patience: longer than any vendor's own longest deadline, and
# with the time to write its outcome down shorter than ledger.PROCESS_SECONDS.
SEND_SECONDS = 60.0
# How long SENT may wait to become durable; past that the order is given up, since nothing of it has left.
MARK_SECONDS = 20.0
# What is kept of the caller's deadline for reading what the answer shows besides the instruction.
ANSWER_SECONDS = 0.5
_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)


class Prepared(Protocol):
    """An order that is ready to leave: nothing is missing but the first byte."""

    async def send(self) -> DepositReceipt | NewAccountReceipt | None: ...


Prepare = Callable[[Call], Awaitable[Prepared]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The instruction as it stands, and what the vendor gave with it that is never stored."""

    instruction: InstructionRecord
    initial_password: str | None = None

    def __repr__(self) -> str:
        return f"Outcome(instruction={self.instruction!r})"


class Dispatcher:
    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._running: set[asyncio.Task[Outcome]] = set()

    async def run(self, instruction: InstructionRecord, prepare: Prepare, call: Call) -> Outcome:
        """Carry the instruction out, and wait for it no longer than the caller's deadline.

        Past that the instruction is returned as it stood, and the work goes on without the caller.
        """
        task = asyncio.create_task(self._carry_out(instruction, prepare, call))
        self._running.add(task)
        task.add_done_callback(self._forget)
        await asyncio.wait([task], timeout=max(0.0, call.deadline.remaining() - ANSWER_SECONDS))
        return task.result() if task.done() else Outcome(instruction)

    async def drain(self, seconds: float) -> None:
        """Wait for the sends that are under way, before the process ends."""
        if self._running:
            await asyncio.wait(list(self._running), timeout=seconds)

    def _forget(self, task: asyncio.Task[Outcome]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("instruction.abandoned", error=type(error).__name__, exc_info=error)

    async def _carry_out(self, instruction: InstructionRecord, prepare: Prepare, asked: Call) -> Outcome:
        deadline = Deadline.after(SEND_SECONDS, self._clock)
        # The caller may be gone before it is done: what of `asked` belongs to its HTTP request is left behind.
        call = Call(deadline, asked.tally, asked.request_id, asked.caller, order=True)
        actor = instruction.principal
        passed(Step.PREPARING)
        try:
            prepared = await prepare(call)
        except UpstreamError as error:
            return Outcome(await self._store(instruction, refusal(error, actor)))
        passed(Step.PREPARED)
        sent = await self._mark_sent(instruction)
        if sent is None:
            away = Unavailable("The ledger was away, so nothing was sent.", system=System.ERP_DATABASE)
            return Outcome(await self._store(instruction, refusal(away, actor)))
        if sent.status != "SENT":
            return Outcome(sent)
        passed(Step.MARKED_SENT)
        return await self._send(sent, prepared)

    async def _mark_sent(self, instruction: InstructionRecord) -> InstructionRecord | None:
        """SENT is durable before the first byte: a process that dies past this leaves a doubt, never a lost order.

        None when it could not be made durable in time: then nothing has left, and nothing will.
        """
        passed(Step.MARKING_SENT)
        try:
            async with asyncio.timeout(MARK_SECONDS):
                return await self._store(instruction, Advance("SENT", instruction.principal))
        except TimeoutError:
            return None

    async def _send(self, sent: InstructionRecord, prepared: Prepared) -> Outcome:
        actor, password = sent.principal, None
        passed(Step.SENDING)
        try:
            receipt = await prepared.send()
            move = confirmation(receipt, actor)
            password = receipt.initial_password if isinstance(receipt, NewAccountReceipt) else None
        except (Rejected, Unavailable) as error:
            move = refusal(error, actor)
        except (OutcomeUnknown, Misunderstood) as error:
            move = doubt(error, actor)
        except Exception as error:
            # A fault of ours after the send began proves nothing about the vendor's books.
            log.exception("instruction.send_failed", instruction=str(sent.id))
            move = Advance("UNKNOWN", actor, note=f"a fault of ours: {type(error).__name__}")
        passed(Step.ANSWERED)
        stored = await self._store(sent, move)
        passed(Step.STORED)
        return Outcome(stored, password)

    async def _store(self, instruction: InstructionRecord, move: Advance) -> InstructionRecord:
        """Write the move down, however long the state database is away; what a vendor said is never dropped.

        A settler may have called the instruction UNKNOWN meanwhile: what is known now is still written.
        """
        passed(Step.STORING)
        attempt = 0
        while True:
            try:
                stored = await self._ledger.advance(instruction, move)
            except Unavailable:
                log.warning("instruction.not_stored_yet", instruction=str(instruction.id), status=move.status)
                await self._clock.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1
                continue
            if stored.status == move.status or not stored.is_open or move.status in ("SENT", "UNKNOWN"):
                return stored
            instruction = stored
