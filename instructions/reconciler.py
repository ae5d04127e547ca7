"""Finds out what became of instructions whose outcome is not known, by asking the vendors' own books.

Every replica runs one. A claim is a lease in the database, not a lock that is held while a vendor thinks, so any of
them can die at any line; every move is made only from the status that was seen.
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
from core.records import Failure, InstructionRecord
from instructions.failpoints import Step, passed
from instructions.outcomes import Outcomes
from instructions.reconciliation import Absent, Booked, Doubtful, Refused, Verdict, Verdicts
from instructions.transitions import confirmation, refusal
from upstreams.state.instructions import PROCESS_SECONDS, Advance, Ledger
from upstreams.state.reconciliation_queue import Claimed, SettleQueue

log = structlog.get_logger(__name__)


# In vendors' waiting lines the settler is a caller like the others, whoever gave the orders.
_LANE = "settler"


class SettlingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[settling]: how instructions in doubt are settled."""

    enabled: bool = True
    process_seconds: float = PROCESS_SECONDS
    look_every_seconds: float = 5.0
    lease_seconds: float = 60.0
    at_once: int = 8
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    review_after_seconds: float = 3600.0
    checkpoint_every_seconds: float = 1.0


class Settler:
    def __init__(
        self, queue: SettleQueue, ledger: Ledger, verdicts: Verdicts, clock: Clock, config: SettlingConfig
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self._outcomes = Outcomes(ledger, clock)
        self._verdicts = verdicts
        self._clock = clock
        self._config = config
        self._woken = asyncio.Event()
        self._actor = f"settler {socket.gethostname()}/{os.getpid()}"

    def wake(self) -> None:
        """Look now rather than when the time comes."""
        self._woken.set()

    async def run(self) -> None:
        """Settle for ever. Whatever goes wrong with one instruction is logged, and tried again when its lease ends."""
        while True:
            try:
                settled = await self.settle_due()
            except UpstreamError as error:
                log.warning("settler.no_claim", detail=error.detail)
                settled = 0
            if settled < self._config.at_once:
                await self._rest()

    async def _rest(self) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(self._config.look_every_seconds):
                await self._woken.wait()
                # What was just written needs its first pause.
                await self._clock.sleep(self._config.first_pause_seconds)
        except TimeoutError:
            return

    async def settle_due(self) -> int:
        """Settle what is due now; how many there were."""
        claimed = await self._queue.claim(self._config.at_once, timedelta(seconds=self._config.lease_seconds))
        await asyncio.gather(*(self._settle_one(one) for one in claimed))
        return len(claimed)

    async def _settle_one(self, claimed: Claimed) -> None:
        passed(Step.SETTLING)
        identity = str(claimed.instruction.id)
        try:
            stands = await self._settle(claimed)
        except (UpstreamError, TimeoutError) as error:
            log.warning("settler.interrupted", instruction=identity, error=type(error).__name__)
        except Exception:
            log.exception("settler.failed", instruction=identity)
        else:
            passed(Step.SETTLED)
            log.info("settler.looked", instruction=identity, status=stands.status, age_seconds=claimed.age_seconds)

    async def _settle(self, claimed: Claimed) -> InstructionRecord:
        instruction = claimed.instruction
        if instruction.status == "RECEIVED":
            return await self._ledger.advance(instruction, self._never_sent())
        if instruction.status == "SENT":
            move = Advance("UNKNOWN", self._actor, note="its process ended, or lost the answer")
            instruction = await self._ledger.advance(instruction, move)
        if instruction.status != "UNKNOWN":
            return instruction
        seconds = self._config.lease_seconds - self._config.first_pause_seconds
        call = Call(Deadline.after(seconds, self._clock), Tally(), f"settle-{instruction.id}", caller=_LANE)
        verdict = await self._verdicts.on(instruction, claimed.age_seconds, call)
        # While the database refuses the verdict it is repeated, for as long as the lease keeps others away.
        async with asyncio.timeout(call.deadline.remaining()):
            return await self._apply(verdict, Claimed(instruction, claimed.age_seconds))

    def _never_sent(self) -> Advance:
        message = "The process that had it ended before it was sent; nothing was done. Repeat with a new key."
        failure = Failure(code=Reason.UPSTREAM_UNAVAILABLE, message=message, retry="NEW_KEY", system=ERP_DATABASE)
        return Advance("REJECTED", self._actor, note="never sent", failure=failure)

    async def _apply(self, verdict: Verdict, claimed: Claimed) -> InstructionRecord:
        instruction, advance = claimed.instruction, self._outcomes.advance
        match verdict:
            case Booked(receipt, note):
                return await advance(instruction, confirmation(receipt, self._actor, note))
            case Refused(error):
                return await advance(instruction, refusal(error, self._actor))
            case Absent(why):
                failure = Failure(code=Reason.UPSTREAM_UNAVAILABLE, message=_ABSENT, retry="NEW_KEY")
                return await advance(instruction, Advance("REJECTED", self._actor, note=why, failure=failure))
            case Doubtful(why, for_people):
                if for_people or claimed.age_seconds > self._config.review_after_seconds:
                    return await advance(instruction, Advance("NEEDS_REVIEW", self._actor, note=why))
                await self._queue.postpone(instruction, self._pause(instruction, verdict))
                return instruction

    def _pause(self, instruction: InstructionRecord, verdict: Doubtful) -> float:
        """Twice as long each time; no sooner than the vendor asks, no later than the verdict may change."""
        backed_off = self._config.first_pause_seconds * 2.0 ** min(instruction.settle_attempts, 20)
        return max(verdict.not_before_seconds, min(backed_off, self._config.longest_pause_seconds))


_ABSENT = "The upstream's own books do not have it, so it was not done. Repeat with a new key."


async def checkpointing(queue: SettleQueue, pause: Callable[[float], Awaitable[None]], every_seconds: float) -> None:
    """Make a checkpoint of the proof chain whenever something has happened, and say its hash where it cannot be changed
    together with the database: in the log.
    """
    while True:
        try:
            made = await queue.make_checkpoint()
        except Exception:
            log.warning("proof.no_checkpoint", exc_info=True)
            made = None
        if made is not None:
            log.info("proof.checkpoint", hash=made.hex())
        await pause(every_seconds)
