"""Visibility: the clients and instructions that a caller may see. Its values are the parameters of `visible` in the
.sql files.
"""

from typing import Any, Final, final

import msgspec

from core.records import InstructionRecord


@final
class Visibility(msgspec.Struct, frozen=True):
    """A parameter of every statement that reads for a caller.

    `agencies` None means every agency. `client_number` is set for a client's own token: the caller sees only the data
    of this client, and only the instructions of its own `principal`.
    """

    agencies: tuple[int, ...] | None
    client_number: int | None = None
    principal: str | None = None

    def __post_init__(self) -> None:
        if self.client_number is not None and self.principal is None:
            raise ValueError("a client's own visibility needs the client's principal")

    def of_clients(self) -> tuple[Any, ...]:
        """$1 and $2 of each statement in erp.sql."""
        return self.agencies, self.client_number

    def of_instructions(self) -> tuple[Any, ...]:
        """$1 to $3 of the statements in upstreams/state/instructions.sql that read for callers."""
        return self.agencies, self.client_number, None if self.client_number is None else self.principal

    def includes(self, instruction: InstructionRecord) -> bool:
        """Whether the rule of `of_instructions` holds for an instruction that was found by its idempotency key."""
        if self.agencies is not None and instruction.agency not in self.agencies:
            return False
        return self.client_number is None or (
            instruction.client_number == self.client_number and instruction.principal == self.principal
        )


EVERYTHING: Final = Visibility(None)
"""The visibility of internal work, such as reconciliation and the command line. A caller never gets it."""
