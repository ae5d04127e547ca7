"""Look-up inputs: the @oneOf inputs and node ids that name one object."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import strawberry
from strawberry import UNSET

from core.records import AccountKey, AccountRecord, ClientRecord, InstructionRecord
from resolvers.context import Batch, Context
from resolvers.fields.ids import ACCOUNT_ID, CLIENT_ID, INSTRUCTION_ID, NodeId, decode_id
from resolvers.fields.loaders import (
    accounts_by_key,
    clients_by_account,
    clients_by_number,
    instructions_by_id,
    instructions_by_key,
)
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, Upstream
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope

Record = ClientRecord | AccountRecord | InstructionRecord


@strawberry.input(description="An account by its server and login.")
class AccountRef:
    server: str = strawberry.field(description="The trading server's name, such as R1.")
    login: str = strawberry.field(description="The login on that server.")

    @property
    def key(self) -> AccountKey:
        return AccountKey(self.server, self.login)


@strawberry.input(one_of=True, description="Names a client. Exactly one member is given.")
class ClientBy:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The client's node id.")
    client_number: int | None = strawberry.field(default=UNSET, description="The ERP's number.")
    account: AccountRef | None = strawberry.field(default=UNSET, description="An account of the client.")


@strawberry.input(one_of=True, description="Names a trading account. Exactly one member is given.")
class TradingAccountBy:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The account's node id.")
    account: AccountRef | None = strawberry.field(default=UNSET, description="Server and login.")


@strawberry.input(one_of=True, description="Names an instruction. Exactly one member is given.")
class InstructionBy:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The instruction's node id.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The idempotency key with which this caller sent it."
    )


async def find_client(by: ClientBy, context: Context) -> ClientRecord | None:
    loader, key = (clients_by_account, by.account.key) if by.account else (clients_by_number, number_of(by))
    found: ClientRecord | None = await context.load(loader, key)
    return found


def number_of(by: ClientBy) -> int | None:
    """The number of a client that is selected by number or id; None for a client that is selected by an account."""
    if by.account:
        return None
    return by.client_number if by.id is UNSET else CLIENT_ID.key(by.id or "")


def account_key_of(by: TradingAccountBy) -> AccountKey:
    return ACCOUNT_ID.key(by.id) if by.id is not UNSET and by.id else _ref(by).key


def _ref(by: TradingAccountBy) -> AccountRef:
    if not by.account:
        raise BadUserInput("Give the id of the account, or its server and login.")
    return by.account


async def find_account(by: TradingAccountBy, context: Context) -> AccountRecord | None:
    found: AccountRecord | None = await context.load(accounts_by_key, account_key_of(by))
    return found


async def find_instruction(by: InstructionBy, context: Context) -> InstructionRecord | None:
    """A key finds only the caller's own instructions. Both look-ups find only instructions of clients that the caller
    may see.
    """
    batch, key = (
        (instructions_by_id, INSTRUCTION_ID.key(by.id)) if by.id else (instructions_by_key, str(by.idempotency_key))
    )
    found: InstructionRecord | None = await context.load(batch, key)
    return found


_FINDERS: Final[Mapping[str, tuple[NodeId[Any], Batch, Scope]]] = {
    node.type_name: (node, batch, scope)
    for node, batch, scope in (
        (CLIENT_ID, clients_by_number, Scope.CLIENT_READ),
        (ACCOUNT_ID, accounts_by_key, Scope.CLIENT_READ),
        (INSTRUCTION_ID, instructions_by_id, Scope.INSTRUCTION_READ),
    )
}


def node_reads(arguments: Mapping[str, Any]) -> list[tuple[Upstream, int]]:
    """The statements of `node` and `nodes`: one for each type among the ids, with so many keys."""
    ids = arguments["ids"] if "ids" in arguments else [arguments["id"]]
    counts = Counter(type_name for type_name in map(_type_name, ids) if type_name in _FINDERS)
    return [(STATE_STATEMENT if name == "Instruction" else ERP_STATEMENT, count) for name, count in counts.items()]


def _type_name(identity: str) -> str | None:
    try:
        return decode_id(identity)[0]
    except BadUserInput:
        return None


async def find_node(identity: str, context: Context) -> Record | None:
    """The object that the id names. Raises BadUserInput for any other text, Forbidden for a missing scope."""
    type_name, key = decode_id(identity)
    if type_name not in _FINDERS:
        raise BadUserInput("The id names no type of this graph.")
    node, batch, scope = _FINDERS[type_name]
    context.caller.require(type_name, [scope])
    found: Record | None = await context.load(batch, node.parse(key))
    return found
