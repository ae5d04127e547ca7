"""Stores state transitions of instructions, and repeats until they are stored.

Invariants:
- A vendor's answer is never lost: no error of the database ends the repetition.
- During the repetition the row's lease is renewed, so that no reconciler takes the row.
"""

import structlog

from core.clock import Clock, Deadline
from core.errors import DatabaseFailure, UpstreamError
from core.records import InstructionRecord
from instructions.failpoints import Failpoint, reached
from upstreams.state.instructions import Ledger, Transition

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 0.05
# A pause and one attempt together take less than a second, the maximum delay until a row is current again.
_LONGEST_PAUSE_SECONDS = 0.8
# After this number of attempts, an error about a value is considered final.
_ATTEMPTS_WITH_VALUES = 3
# SQLSTATE's class of data exceptions. The driver's own errors about arguments have no SQLSTATE.
_DATA_EXCEPTION = "22"
_PROVEN_UNWRITTEN = (DatabaseFailure.REFUSED, DatabaseFailure.MISTAKE)


def pause_seconds(attempt: int) -> float:
    """The pause after the given attempt, counted from 0: doubled each time, from 50 ms to 0.8 s."""
    return min(_FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 10), _LONGEST_PAUSE_SECONDS)


class Unstorable(Exception):
    """The database accepts the transition, but not the vendor's values in it."""


class Outcomes:
    """Stores outcomes through the ledger. See the module for the invariants."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def store(self, instruction: InstructionRecord, move: Transition) -> InstructionRecord:
        """Store the vendor's answer. Repeat for as long as the state database fails.

        Returns the instruction in its new state. A reconciler may have made it UNKNOWN in the meantime; the vendor's
        answer is then still written.
        """
        reached(Failpoint.STORING)
        while True:
            try:
                stored = await self.advance(instruction, move)
            except Unstorable:
                return await self._leave_open(instruction, move)
            if stored.status == move.status or not stored.is_open or move.status == "UNKNOWN":
                return stored
            instruction = stored

    async def advance(self, instruction: InstructionRecord, move: Transition) -> InstructionRecord:
        """`Ledger.advance`, repeated until the database has answered. Raises Unstorable."""
        attempt, renewal = 0, self._next_renewal()
        while True:
            try:
                return await self._ledger.advance(instruction, move)
            except UpstreamError as error:
                _log_failure("instruction.not_stored_yet", instruction, move, error)
                if attempt >= _ATTEMPTS_WITH_VALUES and move.has_vendor_values and _is_about_values(error):
                    raise Unstorable from error
            except Exception:
                log.exception("instruction.not_stored_yet", instruction=str(instruction.id), status=move.status)
            attempt += 1
            await self._clock.sleep(pause_seconds(attempt - 1))
            if renewal.remaining() == 0.0:
                await self._renew(instruction)
                renewal = self._next_renewal()

    async def _leave_open(self, instruction: InstructionRecord, move: Transition) -> InstructionRecord:
        """Make the outcome unknown, so that the vendor's books are read.

        A value that the database cannot store, such as a vendor's NUL, must not block the instruction for ever.
        """
        if instruction.status == "UNKNOWN":
            return instruction
        return await self.advance(
            instruction, Transition("UNKNOWN", move.actor, note=f"{move.status} could not be stored")
        )

    async def mark_sent(self, received: InstructionRecord, seconds: float) -> InstructionRecord | None:
        """Store SENT within the time. Repeat after errors that may be transient. None if SENT was not stored.

        After None the row may still be SENT, because the database's answer may have been lost. Only `store` resolves
        this case.
        """
        deadline, attempt = Deadline.after(seconds, self._clock), 0
        move = Transition("SENT", received.principal)
        while True:
            try:
                return await self._ledger.advance(received, move)
            except UpstreamError as error:
                pause = pause_seconds(attempt)
                _log_failure("instruction.not_sent_yet", received, move, error)
                if error.database_failure in _PROVEN_UNWRITTEN or pause >= deadline.remaining():
                    return None
                attempt += 1
            await self._clock.sleep(pause)

    def _next_renewal(self) -> Deadline:
        return Deadline.after(self._ledger.process_seconds / 3, self._clock)

    async def _renew(self, instruction: InstructionRecord) -> None:
        try:
            await self._ledger.renew_lease(instruction)
        except UpstreamError as error:
            log.warning("instruction.lease_not_renewed", instruction=str(instruction.id), detail=error.detail)


def _is_about_values(error: UpstreamError) -> bool:
    is_mistake = error.database_failure is DatabaseFailure.MISTAKE
    return is_mistake and (error.upstream_code or _DATA_EXCEPTION).startswith(_DATA_EXCEPTION)


def _log_failure(event: str, instruction: InstructionRecord, move: Transition, error: Exception) -> None:
    log.warning(event, instruction=str(instruction.id), status=move.status, error=type(error).__name__)
