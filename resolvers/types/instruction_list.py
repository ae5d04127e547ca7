"""`instructions`: a page of the instructions for all clients that the caller may see."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import UNSET

from core.keyset import PageRequest
from core.records import InstructionRecord
from resolvers.context import Info
from resolvers.fields.connections import ConnectionRecord, all_of, given
from resolvers.fields.ids import INSTRUCTIONS_BY_TIME
from resolvers.policy.enums import InstructionKind, InstructionOrderField, InstructionStatus, OrderDirection
from upstreams.state.instruction_list import InstructionQuery


@strawberry.input(description="Which instructions to list; conditions are joined by AND.")
class InstructionFilter:
    kinds: list[InstructionKind] | None = strawberry.field(default=UNSET, description="Of any of these kinds.")
    statuses: list[InstructionStatus] | None = strawberry.field(default=UNSET, description="In any of these statuses.")
    client_numbers: list[int] | None = strawberry.field(default=UNSET, description="For any of these clients.")
    servers: list[str] | None = strawberry.field(default=UNSET, description="On any of these trading servers.")
    created_from: datetime | None = strawberry.field(default=UNSET, description="Received at this time or later.")
    created_to: datetime | None = strawberry.field(default=UNSET, description="Received before this time.")


@strawberry.input(description="The order of a list of instructions.")
class InstructionOrder:
    field: InstructionOrderField = strawberry.field(description="What the list is sorted by.")
    direction: OrderDirection = strawberry.field(description="The direction of the order.")


def instruction_query(asked: InstructionFilter | None) -> InstructionQuery:
    if not asked:
        return InstructionQuery()
    return InstructionQuery(
        kinds=_values(asked.kinds),
        statuses=_values(asked.statuses),
        client_numbers=all_of(asked.client_numbers),
        servers=all_of(asked.servers),
        created_from=given(asked.created_from),
        created_to=given(asked.created_to),
    )


def _values(members: Sequence[Enum] | None) -> tuple[str, ...] | None:
    return None if given(members) is None else tuple(member.value for member in members or ())


async def instructions(
    info: Info,
    request: PageRequest,
    filter: Annotated[InstructionFilter | None, strawberry.argument(description="Conditions for the list.")] = UNSET,  # noqa: A002 - the graph's name.
    order_by: Annotated[InstructionOrder | None, strawberry.argument(description="The order of the list.")] = UNSET,
) -> ConnectionRecord[InstructionRecord]:
    context, query, wanted = info.context, instruction_query(filter), given(order_by)
    page = await context.services.upstreams.state.instructions.page(
        query,
        request,
        context.caller.visible,
        context.call,
        descending=wanted is None or wanted.direction is OrderDirection.DESC,
    )
    return ConnectionRecord(page, request, INSTRUCTIONS_BY_TIME.of, None, query)
