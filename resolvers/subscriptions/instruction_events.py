"""`instructionEvents`: every event of every instruction that the caller may see, once and in one order."""

from collections.abc import AsyncIterator, Hashable, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from core.records import InstructionEventRecord, InstructionRecord
from instructions.log_receivers import Accepts, CursorAhead, LogEnded
from resolvers.context import Info, StreamInfo
from resolvers.fields.connections import given
from resolvers.fields.declare import is_a
from resolvers.fields.ids import INSTRUCTION_EVENTS
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.errors import BadUserInput
from resolvers.subscriptions.ends import StreamEnded
from resolvers.types.instruction import Instruction, InstructionEvent
from resolvers.types.instruction_list import InstructionFilter, instruction_query
from upstreams.state.instruction_list import InstructionQuery
from upstreams.state.instruction_log import LogEntry, LogPosition


@dataclass(frozen=True, slots=True)
class StreamEventRecord:
    """One answer of the stream. `answers` are those of the same entry in other streams; None for a bookmark."""

    cursor: str
    event: InstructionEventRecord | None = None
    instruction: InstructionRecord | None = None
    answers: MutableMapping[Hashable, Any] | None = None


@public(VALUE)
@strawberry.type(
    description="One event in the log of all instructions. `event` and `instruction` are null in a bookmark, which "
    "only moves the cursor of a quiet stream."
)
class InstructionStreamEvent:
    cursor: str = strawberry.field(description="Subscribe with this as `after` to continue behind the event.")
    event: InstructionEvent | None = strawberry.field(description="The event; null in a bookmark.")
    instruction: Instruction | None = strawberry.field(
        description="The instruction of the event as it was when the log was read; null in a bookmark."
    )
    is_type_of = is_a(StreamEventRecord)


async def instruction_events_cursor(info: Info) -> str:
    context = info.context
    return _cursor(await context.services.upstreams.state.log.end(context.call))


async def instruction_events(
    info: StreamInfo,
    after: Annotated[
        str | None, strawberry.argument(description="Begin behind this cursor; without it, with the next event.")
    ] = UNSET,
    filter: Annotated[InstructionFilter | None, strawberry.argument(description="Conditions for the events.")] = UNSET,  # noqa: A002 - the graph's name.
) -> AsyncIterator[StreamEventRecord]:
    context = info.context
    feed, seconds = context.services.feed, context.services.stream_limits.bookmark_seconds
    accepts = _accepts(instruction_query(filter), info)
    try:
        start = await _checked(info, context.resume or given(after))
        with context.slot():
            async with aclosing(feed.follow(start, accepts, seconds)) as entries:
                async for position, entry in entries:
                    await context.afford()
                    found = (entry.event, entry.instruction, entry.answers) if entry else ()
                    yield StreamEventRecord(_cursor(position), *found)
    except LogEnded as ended:
        raise StreamEnded(ended) from ended


async def _checked(info: StreamInfo, after: str | None) -> LogPosition | None:
    """The position of a cursor. Raises GraphQLError for a cursor at which no stream can begin."""
    if after is None:
        return None
    epoch, seq = INSTRUCTION_EVENTS.decode(after)
    position = LogPosition(UUID(epoch), seq)
    try:
        await info.context.services.feed.check(position)
    except CursorAhead:
        raise BadUserInput("The cursor is after the end of the log; take one from `instructionEventsCursor`.") from None
    return position


def _accepts(query: InstructionQuery, info: StreamInfo) -> Accepts:
    visible = info.context.caller.visible

    def accepts(entry: LogEntry) -> bool:
        return visible.includes(entry.instruction) and query.matches(entry.instruction, entry.event.status)

    return accepts


def _cursor(position: LogPosition) -> str:
    return INSTRUCTION_EVENTS.encode(str(position.epoch), position.seq)
