"""The reconciler: finds the outcome of instructions in doubt in the vendors' own history.

Every process runs a reconciler. Invariants:
- A claim is a lease in the database, never a lock that is held during a vendor's call. A process can therefore end at
  any line.
- A transition starts only from the status that was read.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import structlog

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.errors import ERP_DATABASE, Reason, UpstreamError
from core.outage import Outage
from core.records import Failure, InstructionRecord
from instructions.failpoints import Failpoint, reached
from instructions.outcomes import Outcomes
from instructions.reconciliation import Absent, Booked, RefusedByVendor, Undecided, Verdict, Verdicts
from instructions.transitions import confirmation, refusal
from upstreams.state.instructions import PROCESS_SECONDS, Ledger, Transition
from upstreams.state.reconciliation_queue import ClaimedInstruction, ReconciliationQueue

log = structlog.get_logger(__name__)


# In vendors' waiting queues the reconciler is one caller, although the commands are of many callers.
_LANE = "reconciler"


class ReconciliationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[reconciliation]: how instructions in doubt are reconciled."""

    enabled: bool = True
    process_seconds: float = PROCESS_SECONDS
    poll_interval_seconds: float = 5.0
    lease_seconds: float = 60.0
    batch_size: int = 8
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    review_after_seconds: float = 3600.0
    checkpoint_every_seconds: float = 1.0


class Reconciler:
    """Claims due instructions in batches, gets a verdict on each, and stores the resulting transition."""

    def __init__(
        self, queue: ReconciliationQueue, ledger: Ledger, verdicts: Verdicts, clock: Clock, config: ReconciliationConfig
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self._outcomes = Outcomes(ledger, clock)
        self._verdicts = verdicts
        self._clock = clock
        self._config = config
        self._woken = asyncio.Event()
        self._actor = f"reconciler {socket.gethostname()}/{os.getpid()}"

    def wake(self) -> None:
        """End the current pause."""
        self._woken.set()

    async def run(self) -> None:
        """Reconcile until cancelled. A failure is logged; the instruction is tried again when its lease ends."""
        outage = Outage(log, "reconciler.no_claim", "reconciler.claims_again")
        while True:
            try:
                reconciled = await self.reconcile_due()
                outage.succeeded()
            except UpstreamError as error:
                outage.failed(detail=error.detail)
                reconciled = 0
            if reconciled < self._config.batch_size:
                await self._rest()

    async def _rest(self) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(self._config.poll_interval_seconds):
                await self._woken.wait()
                # Because a new instruction is due only after its first pause.
                await self._clock.sleep(self._config.first_pause_seconds)
        except TimeoutError:
            return

    async def reconcile_due(self) -> int:
        """Reconcile one batch of due instructions. Returns how many were claimed."""
        claimed = await self._queue.claim(self._config.batch_size, timedelta(seconds=self._config.lease_seconds))
        await asyncio.gather(*(self._reconcile_one(one) for one in claimed))
        return len(claimed)

    async def _reconcile_one(self, claimed: ClaimedInstruction) -> None:
        reached(Failpoint.RECONCILING)
        identity = str(claimed.instruction.id)
        try:
            stands = await self._reconcile(claimed)
        except (UpstreamError, TimeoutError) as error:
            log.warning("reconciler.interrupted", instruction=identity, error=type(error).__name__)
        except Exception:
            log.exception("reconciler.failed", instruction=identity)
        else:
            reached(Failpoint.RECONCILED)
            log.info("reconciler.looked", instruction=identity, status=stands.status, age_seconds=claimed.age_seconds)

    async def _reconcile(self, claimed: ClaimedInstruction) -> InstructionRecord:
        instruction = claimed.instruction
        if instruction.status == "RECEIVED":
            return await self._ledger.advance(instruction, self._never_sent())
        if instruction.status == "SENT":
            move = Transition("UNKNOWN", self._actor, note="its process ended or lost the answer")
            instruction = await self._ledger.advance(instruction, move)
        if instruction.status != "UNKNOWN":
            return instruction
        seconds = self._config.lease_seconds - self._config.first_pause_seconds
        call = Call(Deadline.after(seconds, self._clock), Tally(), f"reconcile-{instruction.id}", caller=_LANE)
        verdict = await self._verdicts.on(instruction, claimed.age_seconds, call)
        # While the database fails, storing the verdict is repeated until the lease ends.
        async with asyncio.timeout(call.deadline.remaining()):
            return await self._apply(verdict, ClaimedInstruction(instruction, claimed.age_seconds))

    def _never_sent(self) -> Transition:
        message = "Its process ended before the command was sent, so nothing was done. Repeat it with a new key."
        failure = Failure(code=Reason.UPSTREAM_UNAVAILABLE, message=message, retry="NEW_KEY", system=ERP_DATABASE)
        return Transition("REJECTED", self._actor, note="never sent", failure=failure)

    async def _apply(self, verdict: Verdict, claimed: ClaimedInstruction) -> InstructionRecord:
        instruction, advance = claimed.instruction, self._outcomes.advance
        match verdict:
            case Booked(receipt, note):
                return await advance(instruction, confirmation(receipt, self._actor, note))
            case RefusedByVendor(error):
                return await advance(instruction, refusal(error, self._actor))
            case Absent(why):
                failure = Failure(code=Reason.UPSTREAM_UNAVAILABLE, message=_ABSENT, retry="NEW_KEY")
                return await advance(instruction, Transition("REJECTED", self._actor, note=why, failure=failure))
            case Undecided(why, for_people):
                if for_people or claimed.age_seconds > self._config.review_after_seconds:
                    return await advance(instruction, Transition("NEEDS_REVIEW", self._actor, note=why))
                await self._queue.postpone(instruction, self._pause(instruction, verdict))
                return instruction

    def _pause(self, instruction: InstructionRecord, verdict: Undecided) -> float:
        """The pause in seconds. It is doubled at each attempt, and is never shorter than the minimum of the verdict."""
        backed_off = self._config.first_pause_seconds * 2.0 ** min(instruction.settle_attempts, 20)
        return max(verdict.not_before_seconds, min(backed_off, self._config.longest_pause_seconds))


_ABSENT = "The upstream's books do not contain it, so it was not done. Repeat it with a new key."


async def make_checkpoints(
    queue: ReconciliationQueue, pause: Callable[[float], Awaitable[None]], every_seconds: float
) -> None:
    """Make a checkpoint of the proof chain after new events, and log its hash.

    The log is outside of the database, so that a change of the database does not change both.
    """

    async def make() -> None:
        made = await queue.make_checkpoint()
        if made is not None:
            log.info("proof.checkpoint", hash=made.hex())

    await Outage(log, "proof.no_checkpoint", "proof.checkpoints_again").repeat(make, pause, every_seconds)
