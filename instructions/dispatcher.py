"""The dispatcher runs an instruction: store it, prepare the command, mark SENT, send, store the outcome.

Invariants:
- The work belongs to the process. A disconnect or the deadline of a caller cancels only the caller's own wait.
- If an instruction's row is not known to exist when its caller is answered, this process never sends the command.
- One process runs an instruction: the process that wrote the row, or after an approval the process that stored it.
- After the first byte was sent, a caller gets one of three answers: done, refused by the vendor, not known yet.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from core.call import Call
from core.clock import Clock, Deadline
from core.commands import NO_GUARDS, MoneyGuards, NewAccountReceipt
from core.errors import (
    ERP_DATABASE,
    DatabaseFailure,
    Misunderstood,
    OutcomeUnknown,
    Rejected,
    Unavailable,
    UpstreamError,
)
from core.records import InstructionRecord
from instructions.drafts import Prepare, Prepared, is_written_late, late
from instructions.failpoints import Failpoint, reached
from instructions.outcomes import Outcomes, pause_seconds
from instructions.progress import Outcome, Progress
from instructions.transitions import confirmation, doubt, refusal
from upstreams.state.instructions import Ledger, Transition
from upstreams.state.money_limits import LimitReached

log = structlog.get_logger(__name__)

# The longest time of a send, independent of the caller's deadline. It is longer than every vendor's longest deadline.
# Together with the time to store the outcome it is shorter than PROCESS_SECONDS.
SEND_SECONDS = 60.0
# How long storing SENT may take. Afterwards the command is rejected, because no byte was sent.
MARK_SECONDS = 20.0
# The part of the caller's deadline that is reserved for reading other fields of the answer, such as the account.
ANSWER_SECONDS = 0.5
_NOT_MARKED = "The state database did not store the instruction in time, so nothing was sent."


class Dispatcher:
    """Runs instructions in tasks of the process. See the module for the invariants."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._outcomes = Outcomes(ledger, clock)
        self._clock = clock
        self._running: set[asyncio.Task[Outcome]] = set()

    async def run(self, draft: InstructionRecord, guards: MoneyGuards, prepare: Prepare, call: Call) -> Outcome:
        """Store the instruction and run it. Wait no longer than the caller's deadline.

        At the deadline the instruction is returned in its current state, and the work continues without the caller. If
        the key belongs to an earlier instruction, the earlier instruction is returned, with another id than the draft.

        Raises LimitReached or UpstreamError if no row was written; the key is then still free.
        """
        progress = Progress(Outcome(draft), guards, call.lifetime)
        return await self._answer(progress, self._write_and_carry_out(progress, draft, prepare, call), call)

    async def approve(
        self, waiting: InstructionRecord, move: Transition, guards: MoneyGuards, prepare: Prepare, call: Call
    ) -> Outcome | None:
        """Store the approval and run the instruction, like `run`. None: the instruction does not wait any more.

        Raises LimitReached or UpstreamError. After UpstreamError the approval may be stored, but nothing is sent.
        """
        progress = Progress(Outcome(waiting), guards, call.lifetime)
        outcome = await self._answer(progress, self._approve_and_carry_out(progress, move, prepare, call), call)
        return None if outcome.instruction.status == "NEEDS_APPROVAL" and not progress.answered else outcome

    async def _answer(self, progress: Progress, work: Coroutine[Any, Any, Outcome], call: Call) -> Outcome:
        """The outcome of the work, or the current state at the deadline."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._forget)
        try:
            await asyncio.wait([task], timeout=max(0.0, call.deadline.remaining() - ANSWER_SECONDS))
        finally:
            progress.leave()
        if task.done():
            return task.result()
        progress.answered = True
        return progress.outcome

    async def drain(self, seconds: float) -> None:
        """Wait for the sends in flight before the process ends."""
        if self._running:
            await asyncio.wait(list(self._running), timeout=seconds)

    def _forget(self, task: asyncio.Task[Outcome]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, LimitReached | UpstreamError):
            log.error("instruction.not_written", error=type(error).__name__, exc_info=error)

    async def _write_and_carry_out(
        self, progress: Progress, draft: InstructionRecord, prepare: Prepare, call: Call
    ) -> Outcome:
        received, is_new = await self._receive(progress, draft, call)
        if not is_new:
            return Outcome(received)
        progress.outcome = Outcome(received)
        reached(Failpoint.WRITTEN_DOWN)
        # A row that waits belongs to the process that stores its approval. Because the answer to the first write may
        # have been lost, another process may already run or have decided the instruction.
        waits = draft.status == "NEEDS_APPROVAL" and not is_written_late(received)
        if waits or received.status != "RECEIVED":
            return progress.outcome
        if progress.answered:
            return await self._unless_broken(progress, self._refuse(received, _late()))
        return await self._unless_broken(progress, self._carry_out(progress, prepare, call))

    async def _approve_and_carry_out(
        self, progress: Progress, move: Transition, prepare: Prepare, call: Call
    ) -> Outcome:
        reached(Failpoint.APPROVING)
        approved = await self._ledger.approve(progress.outcome.instruction, move, progress.guards)
        if approved is None:
            return progress.outcome
        progress.outcome = Outcome(approved)
        reached(Failpoint.APPROVED)
        return await self._unless_broken(progress, self._carry_out(progress, prepare, call))

    async def _unless_broken(self, progress: Progress, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """The outcome of the work. After an internal error it is the last state, and the reconciler decides."""
        try:
            return await work
        except Exception as error:
            identity = str(progress.outcome.instruction.id)
            log.exception("instruction.abandoned", instruction=identity, error=type(error).__name__)
            return progress.outcome

    async def _receive(
        self, progress: Progress, draft: InstructionRecord, call: Call
    ) -> tuple[InstructionRecord, bool]:
        """Write the row. Repeat until it is known whether the row exists.

        After the caller was answered, the row is written without limits and then rejected. The instruction in the
        answer must exist.
        """
        reached(Failpoint.WRITING_DOWN)
        attempt, in_doubt = 0, False
        while True:
            try:
                if progress.answered:
                    return await self._ledger.receive(late(draft), NO_GUARDS)
                return await self._ledger.receive(draft, progress.guards)
            except UpstreamError as error:
                failure, pause = error.database_failure, pause_seconds(attempt)
                log.warning("instruction.not_written_yet", instruction=str(draft.id), error=type(error).__name__)
                in_doubt = in_doubt or progress.answered or failure is DatabaseFailure.LOST
                is_late = pause >= call.deadline.remaining() - ANSWER_SECONDS
                if not in_doubt and (is_late or failure is not DatabaseFailure.TRANSIENT):
                    raise
            attempt += 1
            await self._clock.sleep(pause)

    async def _carry_out(self, progress: Progress, prepare: Prepare, asked: Call) -> Outcome:
        received = progress.outcome.instruction
        deadline = Deadline.after(SEND_SECONDS, self._clock)
        # Because the caller may disconnect before the end, the lifetime of its HTTP request is not passed on.
        call = Call(deadline, asked.tally, asked.request_id, asked.caller, for_command=True, trace=asked.trace)
        reached(Failpoint.PREPARING)
        try:
            with progress.waiting_for_vendor():
                prepared = await prepare(call)
        except UpstreamError as error:
            return await self._refuse(received, error)
        except Exception:
            log.exception("instruction.not_prepared", instruction=str(received.id))
            return await self._refuse(received, _unsent("The command could not be prepared, so nothing was sent."))
        reached(Failpoint.PREPARED)
        reached(Failpoint.MARKING_SENT)
        sent = await self._outcomes.mark_sent(received, MARK_SECONDS)
        if sent is None:
            return await self._refuse(received, _unsent(_NOT_MARKED))
        progress.outcome = Outcome(sent)
        if sent.status != "SENT":
            return progress.outcome
        reached(Failpoint.MARKED_SENT)
        return await self._send(progress, prepared)

    async def _refuse(self, received: InstructionRecord, error: UpstreamError) -> Outcome:
        return Outcome(await self._outcomes.store(received, refusal(error, received.principal)))

    async def _send(self, progress: Progress, prepared: Prepared) -> Outcome:
        sent = progress.outcome.instruction
        actor, password = sent.principal, None
        reached(Failpoint.SENDING)
        try:
            with progress.waiting_for_vendor():
                receipt = await prepared.send()
            move = confirmation(receipt, actor)
            password = receipt.initial_password if isinstance(receipt, NewAccountReceipt) else None
        except (Rejected, Unavailable) as error:
            move = refusal(error, actor)
        except (OutcomeUnknown, Misunderstood) as error:
            move = doubt(error, actor)
        except Exception as error:
            # Because the send had begun, an internal error proves nothing about the vendor's books.
            log.exception("instruction.send_failed", instruction=str(sent.id))
            move = Transition("UNKNOWN", actor, note=f"an internal error: {type(error).__name__}")
        reached(Failpoint.ANSWERED)
        stored = await self._outcomes.store(sent, move)
        reached(Failpoint.STORED)
        return Outcome(stored, password)


def _unsent(message: str) -> Unavailable:
    return Unavailable(message, system=ERP_DATABASE)


def _late() -> Unavailable:
    return _unsent("The instruction was stored after its caller was answered, so nothing was sent.")
