from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.commands import NewAccountCommand
from core.errors import Reason
from core.records import ClientRecord
from instructions.drafts import CheckedCommand, Identity
from instructions.progress import Outcome
from instructions.submit import InputIssue, InvalidInput, NotPermitted
from resolvers.context import Context, Info
from resolvers.fields.connections import given
from resolvers.fields.loaders import clients_by_number
from resolvers.mutations.account_field import ProducedAccount, produced_account
from resolvers.mutations.failures import (
    IdempotencyConflict,
    InstructionPending,
    Refused,
    UpstreamFailed,
    ValidationFailed,
)
from resolvers.mutations.payload import INPUT, KEY, payload, request
from resolvers.policy.authorization import OUTCOME, public
from resolvers.policy.enums import ClientStanding
from resolvers.types.instruction import Instruction
from resolvers.types.standing import standing
from upstreams.vendors.registry import sections

KIND = "CREATE_TRADING_ACCOUNT"
_SYNC = "null until the ERP has synchronised the login, or while the ERP is unavailable. The outcome does not change."


@strawberry.input(description="A new account on a named trading server. The account gets the client's full name.")
class NewAccountOnServer:
    server: str = strawberry.field(description="The trading server's name, such as R1.")
    group: str = strawberry.field(description="One of the groups that the server's configuration allows.")
    leverage: Decimal | None = strawberry.field(
        default=UNSET,
        description="A whole number, 100 for 1:100. Without it the account has the leverage of its group.",
    )


@strawberry.input(
    description="A new trading account. Without `server` the ERP chooses the server and the group "
    "(Create_TP_Account_Json). With `server` the account is made directly on that trading server."
)
class CreateTradingAccountInput:
    client_number: int = strawberry.field(description="The client that gets the account.")
    idempotency_key: strawberry.ID = strawberry.field(description=KEY)
    server: NewAccountOnServer | None = strawberry.field(
        default=UNSET, description="The trading server for the account; null: the ERP chooses."
    )


@public(OUTCOME)
@strawberry.type(description="The trading account was created.")
class TradingAccountCreated:
    server: str = strawberry.field(description="The trading server.")
    login: str = strawberry.field(description="The new login.")
    account: ProducedAccount = produced_account(f"The account as the ERP has it; {_SYNC}")
    initial_password: str | None = strawberry.field(
        description="The password, if the vendor gives one. It is returned only once, in the first answer, and is "
        "stored nowhere."
    )
    instruction: Instruction = strawberry.field(description="The instruction.")


@public(OUTCOME)
@strawberry.type(description="The client already has this account. No account was created.")
class TradingAccountAlreadyExists:
    server: str = strawberry.field(description="The trading server.")
    login: str = strawberry.field(description="The existing login.")
    account: ProducedAccount = produced_account(f"The account as the ERP has it; {_SYNC}")
    instruction: Instruction = strawberry.field(description="The instruction.")


CreateTradingAccountPayload = Annotated[
    TradingAccountCreated
    | TradingAccountAlreadyExists
    | InstructionPending
    | ValidationFailed
    | Refused
    | UpstreamFailed
    | IdempotencyConflict,
    strawberry.union(
        "CreateTradingAccountPayload", description="The outcome of createTradingAccount, or the reason of a failure."
    ),
]


async def _client(number: int, context: Context) -> ClientRecord:
    client: ClientRecord | None = await context.load(clients_by_number, number)
    if client is None:
        raise NotPermitted(Reason.NOT_FOUND, "There is no such client.")
    return client


async def through_erp(number: int, context: Context) -> CheckedCommand:
    """Let the ERP make the account. The ERP itself checks the client's standing."""
    erp_api, client = context.services.upstreams.erp_api, await _client(number, context)
    if erp_api is None:
        message = f"No {sections('erp')} is configured, so the ERP cannot make accounts."
        raise NotPermitted(Reason.NOT_SUPPORTED, message)
    found = await context.services.upstreams.erp.api_passwords([number], context.caller.visible, context.call)
    password = found.get(number)
    if password is None:
        message = "The ERP has no API password of this client, so the ERP's API cannot make an account."
        raise NotPermitted(Reason.CREDENTIALS_REJECTED, message)
    return CheckedCommand(client, None, partial(erp_api.prepare_account, number, password))


async def on_server(number: int, server: NewAccountOnServer, identity: Identity, context: Context) -> CheckedCommand:
    """Make the account on a trading server directly. Raises InvalidInput or NotPermitted."""
    client = await _client(number, context)
    platform = context.services.upstreams.platforms.get(server.server)
    config = context.services.upstreams.servers.get(server.server)
    if platform is None or config is None:
        raise NotPermitted(Reason.NOT_FOUND, "There is no such trading server.")
    if platform.accounts is None:
        raise NotPermitted(Reason.NOT_SUPPORTED, f"{server.server}'s vendor documents no way to make accounts.")
    if issues := _issues(server, config.groups, client):
        raise InvalidInput(*issues)
    if standing(client) is not ClientStanding.OK:
        raise NotPermitted(Reason.CLIENT_RESTRICTED, "The client is restricted; review the case in the ERP.")
    command = NewAccountCommand(
        server=server.server,
        group=server.group,
        name=client.full_name or "",
        leverage=given(server.leverage),
        email=client.email,
        reference=identity.reference,
        idempotency_key=str(identity.id),
    )
    return CheckedCommand(client, command, partial(platform.accounts.prepare, command))


def _issues(server: NewAccountOnServer, groups: Sequence[str], client: ClientRecord) -> list[InputIssue]:
    issues = []
    if server.group not in groups:
        message = f"group must be one that {server.server}'s configuration allows: {', '.join(groups) or 'none'}."
        issues.append(InputIssue(("server", "group"), "allowed-group", message))
    leverage = given(server.leverage)
    if leverage is not None and not (1 <= leverage <= 5000 and leverage == int(leverage)):  # noqa: PLR2004 - below.
        issues.append(InputIssue(("server", "leverage"), "leverage", "leverage must be a whole number from 1 to 5000."))
    if not client.full_name:
        issues.append(InputIssue(("clientNumber",), "full-name", "The client has no full name in the ERP."))
    return issues


def confirmed(outcome: Outcome) -> TradingAccountCreated | TradingAccountAlreadyExists:
    instruction: Any = outcome.instruction
    if instruction.existed:
        return TradingAccountAlreadyExists(server=instruction.server, login=instruction.login, instruction=instruction)
    return TradingAccountCreated(
        server=instruction.server,
        login=instruction.login,
        initial_password=outcome.initial_password,
        instruction=instruction,
    )


async def create_trading_account(info: Info, input: Annotated[CreateTradingAccountInput, INPUT]) -> Any:  # noqa: A002 - the graph's name.
    context, server, number = info.context, given(input.server), input.client_number
    meaning = {
        "clientNumber": number,
        "server": server and server.server,
        "group": server and server.group,
        "leverage": server and given(server.leverage),
    }

    asked = request(KIND, str(input.idempotency_key), meaning, context)

    async def check() -> CheckedCommand:
        if server is None:
            return await through_erp(number, context)
        return await on_server(number, server, asked.identity, context)

    return await payload(asked, check, confirmed, context)
