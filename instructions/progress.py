"""The progress of an instruction in this process, and its outcome for the caller."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from core.commands import MoneyGuards
from core.lifetime import Lifetime
from core.records import InstructionRecord


@dataclass(frozen=True, slots=True)
class Outcome:
    """The instruction in its current state, and the vendor's password, which is never stored."""

    instruction: InstructionRecord
    initial_password: str | None = None

    def __repr__(self) -> str:
        return f"Outcome(instruction={self.instruction!r})"


@dataclass(slots=True)
class Progress:
    """The current state of an instruction, for a caller whose deadline comes before the outcome."""

    outcome: Outcome
    guards: MoneyGuards
    lifetime: Lifetime
    answered: bool = False
    """Whether the caller got the answer that the outcome is not known yet. The instruction must then exist."""
    _wait: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def waiting_for_vendor(self) -> Iterator[None]:
        """Release the slot of the caller's request in the body, if the request still waits for this instruction."""
        self._wait.enter_context(self.lifetime.waiting_for_vendor())
        try:
            yield
        finally:
            self._wait.close()

    def leave(self) -> None:
        """The caller's request no longer waits for this instruction."""
        self._wait.close()
        self.lifetime = Lifetime()
