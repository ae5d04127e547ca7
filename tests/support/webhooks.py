"""Instructions whose events go to receivers, and what each receiver must have got."""

from resolvers.fields.ids import INSTRUCTION_ID
from support.ledgers import confirmed_instruction
from support.senders import number_all

STATUSES = ["RECEIVED", "SENT", "CONFIRMED"]


async def write(database, *numbers):
    """Confirmed instructions whose events are in the log."""
    found = [await confirmed_instruction(database, number) for number in numbers]
    await number_all(database)
    return found


def assert_complete(receiver, instructions):
    """Every event, in the order of its instruction. An event may come again while it is the newest."""
    for one in instructions:
        identity = INSTRUCTION_ID.of(one)
        got = [status for instruction, status in receiver.events if instruction == identity]
        assert [state for at, state in enumerate(got) if state not in got[:at]] == STATUSES
        assert got == sorted(got, key=STATUSES.index)


def is_complete(receiver, instructions):
    return lambda: len(set(receiver.ids)) == 3 * len(instructions)
