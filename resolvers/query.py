"""The type Query."""

import asyncio
from typing import Annotated, Any

import strawberry

from resolvers.context import Info
from resolvers.fields.connections import paged
from resolvers.fields.declare import root
from resolvers.fields.ids import INSTRUCTIONS_BY_TIME
from resolvers.fields.rendered_clients import one_client
from resolvers.fields.rendered_pages import page_of_accounts, page_of_clients
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.subscriptions.instruction_events import instruction_events_cursor
from resolvers.types.account_list import account_cursors, account_list, trading_accounts
from resolvers.types.account_summary import AccountSummary, account_summary
from resolvers.types.client import Client
from resolvers.types.client_summary import ClientSummary, client_summary
from resolvers.types.clients import ClientConnection, client_cursors, client_list, clients
from resolvers.types.instruction import Instruction, InstructionConnection
from resolvers.types.instruction_list import instructions
from resolvers.types.lookup_inputs import (
    ClientBy,
    InstructionBy,
    TradingAccountBy,
    find_account,
    find_client,
    find_instruction,
    find_node,
    number_of,
)
from resolvers.types.node import Node
from resolvers.types.trading_account import TradingAccount
from resolvers.types.trading_accounts import TradingAccountConnection
from resolvers.types.trading_server import TradingServer, trading_servers
from resolvers.types.upstream_health import UpstreamHealth, upstreams
from resolvers.types.viewer import Viewer, viewer

_BY = strawberry.argument(description="The id or another key of the object.")
NodeId = Annotated[strawberry.ID, strawberry.argument(description="A node id.")]
NodeIds = Annotated[
    list[strawberry.ID], strawberry.argument(description="Node ids, at most as many as the rows of a page.")
]


async def node(info: Info, id: NodeId) -> Any:  # noqa: A002 - the graph's name.
    return await find_node(id, info.context)


async def nodes(info: Info, ids: NodeIds) -> list[Any]:
    most = info.context.services.limits.page_max
    if len(ids) > most:
        raise BadUserInput(f"ids must be at most {most}; got {len(ids)}.")
    return await asyncio.gather(*(find_node(identity, info.context) for identity in ids), return_exceptions=True)


async def client(info: Info, by: Annotated[ClientBy, _BY]) -> Any:
    return await find_client(by, info.context)


async def trading_account(info: Info, by: Annotated[TradingAccountBy, _BY]) -> Any:
    return await find_account(by, info.context)


async def instruction(info: Info, by: Annotated[InstructionBy, _BY]) -> Any:
    return await find_instruction(by, info.context)


@strawberry.type(description="The queries.")
class Query:
    node = root(
        node,
        returns=Node | None,
        description="The object with this id; null if the caller may not see it or it does not exist.",
        upstreams=[ERP_STATEMENT],
        public="the type in the id decides (resolvers/types/lookup_inputs.py)",
    )
    nodes = root(
        nodes,
        returns=list[Node | None],
        description="The objects in the order of the ids; null for an object that the caller may not see or that does "
        "not exist.",
        upstreams=[ERP_STATEMENT],
        public="the types in the ids decide (resolvers/types/lookup_inputs.py)",
    )
    viewer = root(
        viewer,
        returns=Viewer,
        description="The caller: its scopes, agencies and remaining budget.",
        public="the caller's own properties",
    )
    client = root(
        client,
        returns=Client | None,
        description="One client; null if the caller may not see it or it does not exist.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ],
        renderer=one_client(number_of),
    )
    clients = root(
        paged(client_cursors, clients),
        returns=ClientConnection | None,
        description="A page of the clients that the caller may see, in the order of their numbers without `orderBy`.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ],
        renderer=page_of_clients(client_list),
    )
    trading_account = root(
        trading_account,
        returns=TradingAccount | None,
        description="One trading account; null if the caller may not see it or it does not exist.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ],
    )
    trading_accounts = root(
        paged(account_cursors, trading_accounts),
        returns=TradingAccountConnection | None,
        description="A page of the accounts of all clients that the caller may see, in the order of server and login "
        "without `orderBy`.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ],
        renderer=page_of_accounts(account_list),
    )
    instruction = root(
        instruction,
        returns=Instruction | None,
        description="One instruction; null if the caller may not see it or it does not exist.",
        upstreams=[STATE_STATEMENT],
        scopes=[Scope.INSTRUCTION_READ],
    )
    instructions = root(
        paged(INSTRUCTIONS_BY_TIME, instructions),
        returns=InstructionConnection | None,
        description="A page of the instructions for all clients that the caller may see, newest first without "
        "`orderBy`.",
        upstreams=[STATE_STATEMENT],
        scopes=[Scope.INSTRUCTION_READ],
    )
    instruction_events_cursor = root(
        instruction_events_cursor,
        returns=str,
        description="The present end of the log of `instructionEvents`. Read the cursor, then a list, and subscribe "
        "from the cursor: nothing is missed.",
        upstreams=[STATE_STATEMENT],
        scopes=[Scope.INSTRUCTION_READ],
    )
    client_summary = root(
        client_summary,
        returns=ClientSummary | None,
        description="Counts and sums over all clients of the filter, without their pages.",
        upstreams=[ERP_STATEMENT],
        reads=[STATE_STATEMENT],
        scopes=[Scope.CLIENT_READ],
    )
    account_summary = root(
        account_summary,
        returns=AccountSummary | None,
        description="Counts and sums over all accounts of the filter, without their pages.",
        upstreams=[ERP_STATEMENT],
        reads=[STATE_STATEMENT],
        scopes=[Scope.CLIENT_READ],
    )
    trading_servers = root(
        trading_servers,
        returns=list[TradingServer],
        description="The trading servers in the configuration, with their capabilities.",
        public="the possible commands, without data of a client",
    )
    upstreams = root(
        upstreams,
        returns=list[UpstreamHealth],
        description="Health of each upstream as this process sees it.",
        public="the state of the upstreams, without data of a client",
    )
