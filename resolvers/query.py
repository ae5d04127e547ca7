"""Everything that can be asked."""

import asyncio
from typing import Annotated, Any

import strawberry

from resolvers.context import Info
from resolvers.fields.connections import paged
from resolvers.fields.declare import root
from resolvers.fields.ids import CLIENTS
from resolvers.fields.rendered_clients import one_client, page_of_clients
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.types.client import Client
from resolvers.types.clients import ClientConnection, client_query, clients
from resolvers.types.instruction import Instruction
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
from resolvers.types.trading_server import TradingServer, trading_servers
from resolvers.types.upstream_health import UpstreamHealth, upstreams
from resolvers.types.viewer import Viewer, viewer

_BY = strawberry.argument(description="What is known of it.")
NodeId = Annotated[strawberry.ID, strawberry.argument(description="A node id.")]
NodeIds = Annotated[list[strawberry.ID], strawberry.argument(description="Node ids, as many as a page may have.")]


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


@strawberry.type(description="Everything that can be asked.")
class Query:
    node = root(
        node,
        returns=Node | None,
        description="The object with this id; null where there is none that the caller may see.",
        upstreams=[ERP_STATEMENT],
        public="decided by the type that the id names (resolvers/types/lookup_inputs.py)",
    )
    nodes = root(
        nodes,
        returns=list[Node | None],
        description="The objects with these ids, in their order; null where there is none that the caller may see.",
        upstreams=[ERP_STATEMENT],
        public="decided by the types that the ids name (resolvers/types/lookup_inputs.py)",
    )
    viewer = root(
        viewer,
        returns=Viewer,
        description="The caller: its scopes, agencies and remaining budget.",
        public="callers may know what they are",
    )
    client = root(
        client,
        returns=Client | None,
        description="One client; null where there is none that the caller may see.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ],
        renderer=one_client(number_of),
    )
    clients = root(
        paged(CLIENTS, clients),
        returns=ClientConnection | None,
        description="The clients that the caller may see, by number, a page at a time.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ],
        renderer=page_of_clients(client_query),
    )
    trading_account = root(
        trading_account,
        returns=TradingAccount | None,
        description="One trading account; null where there is none that the caller may see.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ],
    )
    instruction = root(
        instruction,
        returns=Instruction | None,
        description="One instruction; null where there is none that the caller may see.",
        upstreams=[STATE_STATEMENT],
        scopes=[Scope.INSTRUCTION_READ],
    )
    trading_servers = root(
        trading_servers,
        returns=list[TradingServer],
        description="The trading servers in the configuration and what each can do.",
        public="what orders are possible; nothing in it is of a client",
    )
    upstreams = root(
        upstreams,
        returns=list[UpstreamHealth],
        description="Health of each upstream as this process sees it.",
        public="whether the graph is whole; nothing in it is of a client",
    )
