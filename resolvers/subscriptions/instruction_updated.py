"""`instructionUpdated`: an instruction as it is now, and then its newest state until its outcome is final."""

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from core.records import InstructionRecord
from resolvers.context import StreamInfo
from resolvers.fields.ids import INSTRUCTION_ID
from resolvers.policy.errors import BadUserInput


async def instruction_updated(
    info: StreamInfo,
    id: Annotated[strawberry.ID, strawberry.argument(description="The instruction's node id.")],  # noqa: A002 - the graph's name.
) -> AsyncIterator[InstructionRecord]:
    context, key = info.context, INSTRUCTION_ID.key(id)

    async def read() -> InstructionRecord | None:
        ledger = context.services.upstreams.state.ledger
        return (await ledger.by_ids([key], context.caller.visible, context.new_call())).get(key)

    if await read() is None:
        raise BadUserInput("There is no instruction with this id, or this caller may not see it.")
    # An older state must not follow a newer one. The row is therefore read again, and the log only says when.
    with context.slot():
        async with context.services.feed.watch(lambda entry: entry.instruction.id == key) as watcher:
            last = None
            while (current := await read()) is not None:
                if current != last:
                    await context.afford()
                    yield current
                last = current
                if not current.is_open:
                    return
                await watcher.change()
