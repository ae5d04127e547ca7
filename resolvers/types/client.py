from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated

import strawberry
from strawberry import UNSET

from core.records import BalanceRecord, ClientRecord
from engine.rendering import PathStep, RequestedField
from resolvers.context import Context
from resolvers.fields.connections import given, paged
from resolvers.fields.declare import field, is_a, many
from resolvers.fields.ids import ACCOUNTS, CLIENT_ID, INSTRUCTIONS
from resolvers.fields.loaders import balances_by_client
from resolvers.fields.rendering import BY_RESOLVER, INNER, Compilation, Json, Place, argument, column, rendered, sql
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, asks, needs
from resolvers.policy.enums import ClientStanding
from resolvers.policy.scopes import Scope
from resolvers.types.currency_balance import CurrencyBalance, Money, currency_of, total_value
from resolvers.types.instruction import InstructionConnection, instruction_connections
from resolvers.types.live_client import LiveClient, live_clients
from resolvers.types.node import Node, node_id
from resolvers.types.scalars import CurrencyCode
from resolvers.types.standing import STANDING, standing
from resolvers.types.status import ErpStatus, WebStatus, erp_status, web_status
from resolvers.types.trading_accounts import ACCOUNTS_OF_CLIENT, TradingAccountConnection, account_connections

FIGURES = (Scope.BALANCE_READ,)
_relation = partial(many, key=attrgetter("client_number"))


async def web_statuses(clients: Sequence[ClientRecord], context: Context) -> list[WebStatus | None]:
    numbers = [client.client_number for client in clients]
    found = await context.services.upstreams.erp.web_statuses.ask(context.caller.visible, numbers, context.call)
    rows = (found.get(number) for number in numbers)
    return [None if row is None else web_status(row.web_status, row.web_status_text) for row in rows]


async def balances(
    clients: Sequence[ClientRecord],
    context: Context,
    currencies: Annotated[list[CurrencyCode] | None, strawberry.argument(description="Only these currencies.")] = UNSET,
) -> list[list[BalanceRecord] | BaseException]:
    answers = await context.load_many(balances_by_client, [client.client_number for client in clients])
    wanted = given(currencies)
    if wanted is None:
        return answers
    return [answer if isinstance(answer, BaseException) else _only(answer, wanted) for answer in answers]


def _only(rows: list[BalanceRecord], currencies: Sequence[str]) -> list[BalanceRecord]:
    return [row for row in rows if currency_of(row) in currencies]


async def total_floating_balances(
    clients: Sequence[ClientRecord], context: Context
) -> list[Money | BaseException | None]:
    answers = await context.load_many(balances_by_client, [client.client_number for client in clients])
    currency = context.services.accounting_currency
    return [answer if isinstance(answer, BaseException) else total_value(answer, currency) for answer in answers]


def _web_status(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    path = (*place.path, PathStep(wanted))
    return compilation.builder.web_status(lambda row: compilation.object(wanted, Place(row, path)))


def _balances(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    builder, only = compilation.builder, None
    if wanted.arguments:
        only = compilation.parameter(
            argument(wanted, "currencies", lambda asked: None if given(asked) is None else tuple(asked))
        )
    return builder.balances(compilation.object(wanted, Place(builder.balance, place.path)), only)


def _total(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    currency = compilation.parameter(lambda context, _arguments: context.services.accounting_currency)
    return compilation.builder.total(lambda money: compilation.object(wanted, Place(money, place.path)), currency)


@strawberry.type(
    description="A customer of the broker, with the data of the ERP.", directives=[needs(Scope.CLIENT_READ)]
)
class Client(Node):
    id = node_id(CLIENT_ID, "Permanent and opaque; `node(id:)` finds the client again.")
    client_number: int = field("The ERP's number of the client.", column(sql.number, "client_number"))
    full_name: str | None = field("The client's name, in the client's language.", column(sql.text_or_null, "full_name"))
    email: str | None = field("The client's e-mail address.", column(sql.text_or_null, "email"))
    agency: int = field(
        "The agency or branch of the client. 0 is an agency like the others.", column(sql.number, "agency")
    )

    @field("The status of the client in the ERP.", INNER)
    def erp_status(root: strawberry.Parent[ClientRecord]) -> ErpStatus:
        return erp_status(root.erp_status, root.erp_status_text)

    web_status = _relation(
        web_statuses,
        returns=WebStatus | None,
        description="The client's permissions on the website. Null for a client without a website record.",
        upstreams=[ERP_STATEMENT],
        rendering=rendered(_web_status),
    )

    @field(
        "OK for a client with a verified 'Locked Name & ID' and the ERP status Approved or Real, otherwise RESTRICTED.",
        STANDING,
    )
    def standing(root: strawberry.Parent[ClientRecord]) -> ClientStanding:
        return standing(root)

    trading_accounts = _relation(
        paged(ACCOUNTS, account_connections),
        returns=TradingAccountConnection,
        description="The client's accounts as the ERP last synchronised them, in the order of server and login.",
        upstreams=[ERP_STATEMENT],
        rendering=ACCOUNTS_OF_CLIENT,
    )
    balances = _relation(
        balances,
        returns=list[CurrencyBalance] | None,
        description="The client's balance in each currency, without balances of zero. The ERP database computes the "
        "balances of all requested clients in one statement.",
        upstreams=[ERP_STATEMENT],
        scopes=FIGURES,
        lookup=balances_by_client,
        rendering=rendered(_balances),
    )
    total_floating_balance = _relation(
        total_floating_balances,
        returns=Money | None,
        description="The sum of `value` over all balances, in the accounting currency. It is not the cash. It is null "
        "if one current rate is missing: the sum is never partial.",
        upstreams=[ERP_STATEMENT],
        scopes=FIGURES,
        lookup=balances_by_client,
        rendering=rendered(_total),
    )
    live = _relation(
        live_clients,
        returns=LiveClient | None,
        description="The live answer of the ERP's own API (Get_Client_Balance_json). Each client needs one "
        "rate-limited call. Null with one error if the call fails, and null without an error if the server has no ERP "
        "API.",
        upstreams=asks("erp", batch_max=1),
        # The client's password for the ERP's API.
        reads=[ERP_STATEMENT],
        scopes=FIGURES,
        rendering=BY_RESOLVER,
    )
    instructions = _relation(
        paged(INSTRUCTIONS, instruction_connections),
        returns=InstructionConnection | None,
        description="The instructions for the client, newest first.",
        upstreams=[STATE_STATEMENT],
        scopes=(Scope.INSTRUCTION_READ,),
        rendering=BY_RESOLVER,
    )
    is_type_of = is_a(ClientRecord)
