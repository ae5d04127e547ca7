from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from core.keyset import PageRequest
from core.records import AccountKey, AccountRecord, ClientRecord, InstructionEventRecord, InstructionRecord
from resolvers.context import Context
from resolvers.fields.connections import ConnectionRecord, connection_of, counted
from resolvers.fields.declare import is_a, many
from resolvers.fields.ids import INSTRUCTION_ID, INSTRUCTIONS
from resolvers.fields.loaders import accounts_by_key, clients_by_number
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, needs
from resolvers.policy.enums import InstructionKind, InstructionStatus
from resolvers.policy.scopes import Scope
from resolvers.types.currency_balance import Money, money
from resolvers.types.node import Node, node_id
from upstreams.state.instruction_list import InstructionQuery

if TYPE_CHECKING:
    from resolvers.types.client import Client
    from resolvers.types.trading_account import TradingAccount

# A caller that may send a command also reads its outcome. `instruction` and `node` require instruction:read.
READERS = needs(
    *(Scope.INSTRUCTION_READ, Scope.ACCOUNT_CREATE, Scope.DEPOSIT_CREATE, Scope.ACCOUNT_REQUEST_CREATE),
    *(Scope.WITHDRAWAL_CREATE, Scope.WITHDRAWAL_APPROVE),
)
# Because the status may change during a request, the key of an answer includes the status.
_relation = partial(many, key=attrgetter("id", "status"))


async def accounts(
    instructions: Sequence[InstructionRecord], context: Context
) -> list[AccountRecord | BaseException | None]:
    keys = [_account_key(instruction) for instruction in instructions]
    asked = [key for key in keys if key is not None]
    found = dict(zip(asked, await context.load_many(accounts_by_key, asked), strict=True))
    return [None if key is None else found[key] for key in keys]


def _account_key(instruction: InstructionRecord) -> AccountKey | None:
    if instruction.server is None or instruction.login is None:
        return None
    return AccountKey(instruction.server, instruction.login)


async def clients(
    instructions: Sequence[InstructionRecord], context: Context
) -> list[ClientRecord | BaseException | None]:
    return await context.load_many(clients_by_number, [instruction.client_number for instruction in instructions])


async def events(instructions: Sequence[InstructionRecord], context: Context) -> list[list[InstructionEventRecord]]:
    ids = [instruction.id for instruction in instructions if instruction.events is None]
    found = dict(await context.services.upstreams.state.ledger.events(ids, context.call)) if ids else {}
    for instruction in instructions:
        if instruction.events is not None:
            found[instruction.id] = list(instruction.events)
    return [found.get(instruction.id, []) for instruction in instructions]


@strawberry.type(description="One state transition of an instruction. An event never changes.", directives=[READERS])
class InstructionEvent:
    at: datetime = strawberry.field(description="The time of the event.")
    actor: str = strawberry.field(description="The principal, reconciler or operator that caused the event.")
    note: str | None = strawberry.field(description="A remark on the event.")

    @strawberry.field(description="The status of the instruction after the event.")
    def status(root: strawberry.Parent[InstructionEventRecord]) -> InstructionStatus:
        return InstructionStatus(root.status)

    is_type_of = is_a(InstructionEventRecord)


@strawberry.type(
    description="One command to change something at an upstream. An instruction is never deleted, and its status only "
    "advances.",
    directives=[READERS],
)
class Instruction(Node):
    id = node_id(INSTRUCTION_ID, "Permanent and opaque; `node(id:)` finds the instruction again.")

    @strawberry.field(description="The kind of change.")
    def kind(root: strawberry.Parent[InstructionRecord]) -> InstructionKind:
        return InstructionKind(root.kind)

    @strawberry.field(description="The current status.")
    def status(root: strawberry.Parent[InstructionRecord]) -> InstructionStatus:
        return InstructionStatus(root.status)

    idempotency_key: strawberry.ID = strawberry.field(description="The idempotency key that the caller chose.")

    @strawberry.field(description="The amount that the instruction moves; null if it moves no money.")
    def amount(root: strawberry.Parent[InstructionRecord]) -> Money | None:
        return money(root.amount, root.currency)

    account = _relation(
        accounts,
        returns=Annotated["TradingAccount", strawberry.lazy("resolvers.types.trading_account")] | None,
        description="The account that the instruction changes or creates; null until the ERP has the account.",
        upstreams=[ERP_STATEMENT],
    )
    client = _relation(
        clients,
        returns=Annotated["Client", strawberry.lazy("resolvers.types.client")] | None,
        description="The client of the instruction.",
        upstreams=[ERP_STATEMENT],
    )
    upstream_reference: str | None = strawberry.field(
        description="The upstream's own number for the result, such as an MT4 ticket or a new login."
    )
    events = _relation(
        events,
        returns=list[InstructionEvent],
        description="The events of the instruction, in the order of time.",
        upstreams=[STATE_STATEMENT],
    )
    created_at: datetime = strawberry.field(description="The time at which the instruction was received.")
    is_type_of = is_a(InstructionRecord)


async def instruction_totals(
    connections: Sequence[ConnectionRecord[InstructionRecord]], context: Context
) -> list[int | BaseException]:
    state, visible = context.services.upstreams.state, context.caller.visible

    async def count(query: InstructionQuery | None, owners: list[Any]) -> Mapping[Any, int]:
        if query is None:
            return await state.ledger.count(owners, visible, context.call)
        return {None: await state.instructions.count(query, visible, context.call)}

    return await counted(connections, count)


InstructionConnection: Any = connection_of(
    Instruction,
    "instructions",
    INSTRUCTIONS,
    instruction_totals,
    upstream=STATE_STATEMENT,
    scope=Scope.INSTRUCTION_READ,
)


async def instruction_connections(
    clients: Sequence[ClientRecord], context: Context, request: PageRequest
) -> list[ConnectionRecord[InstructionRecord]]:
    numbers = [client.client_number for client in clients]
    pages = await context.services.upstreams.state.ledger.pages(numbers, request, context.caller.visible, context.call)
    return [ConnectionRecord(pages[number], request, INSTRUCTIONS.of, number, None) for number in numbers]
