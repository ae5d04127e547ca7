from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.commands import AccountRequestCommand
from core.errors import Reason
from instructions.drafts import CheckedCommand
from instructions.progress import Outcome
from instructions.submit import InputIssue, InvalidInput, NotPermitted
from resolvers.context import Context, Info
from resolvers.fields.connections import given
from resolvers.mutations.failures import (
    IdempotencyConflict,
    InstructionPending,
    Refused,
    UpstreamFailed,
    ValidationFailed,
)
from resolvers.mutations.payload import INPUT, KEY, payload, request
from resolvers.policy.authorization import OUTCOME, public
from resolvers.types.instruction import Instruction
from resolvers.types.scalars import CurrencyCode
from upstreams.vendors.registry import sections

KIND = "OPEN_ACCOUNT_REQUEST"
_LONGEST_TEXT = 200
_MOST_LEVERAGE = Decimal(5000)
# The lowest leverage that the CRM accepts, for each platform with a leverage [D, seed 002].
_LEAST_LEVERAGE = {"mt4": Decimal(1), "mt5": Decimal(1), "ctrader": Decimal(1), "fortex": Decimal("0.01")}
_ACCOUNT_TYPE = "The CRM's id of the account type, on the same connection."


@strawberry.input(description="MT4 and MT5.")
class MetaTraderRequest:
    leverage: Decimal = strawberry.field(description="From 1 to 5000.")
    account_type_id: str | None = strawberry.field(default=UNSET, description=_ACCOUNT_TYPE)


@strawberry.input(description="Match-Trader.")
class MatchTraderRequest:
    offer_uuid: str = strawberry.field(description="The offer's UUID at Match-Trader.")


@strawberry.input(description="The CRM's own web trader.")
class WtaRequest:
    group: str = strawberry.field(description="The trading group.")


@strawberry.input(description="cTrader.")
class CTraderRequest:
    leverage: Decimal = strawberry.field(description="From 1 to 5000.")
    group: str = strawberry.field(description="The trading group.")
    currency: CurrencyCode = strawberry.field(description="The deposit currency.")
    account_type_id: str | None = strawberry.field(default=UNSET, description=_ACCOUNT_TYPE)


@strawberry.input(description="Fortex.")
class FortexRequest:
    leverage: Decimal = strawberry.field(description="From 0.01 to 5000.")
    group: str = strawberry.field(description="The trading group.")
    currency: CurrencyCode = strawberry.field(description="The deposit currency.")
    fortex_username: str = strawberry.field(description="The user's name at Fortex.")
    account_type_id: str | None = strawberry.field(default=UNSET, description=_ACCOUNT_TYPE)


@strawberry.input(
    one_of=True,
    description="The platform of the new account, with the values that the CRM requires for it. Exactly one member is "
    "given.",
)
class OpenAccountPlatform:
    mt4: MetaTraderRequest | None = strawberry.field(default=UNSET, description="An MT4 account.")
    mt5: MetaTraderRequest | None = strawberry.field(default=UNSET, description="An MT5 account.")
    mtr: MatchTraderRequest | None = strawberry.field(default=UNSET, description="A Match-Trader account.")
    wta: WtaRequest | None = strawberry.field(default=UNSET, description="An account of the CRM's web trader.")
    ctrader: CTraderRequest | None = strawberry.field(default=UNSET, description="A cTrader account.")
    fortex: FortexRequest | None = strawberry.field(default=UNSET, description="A Fortex account.")


@strawberry.input(description="A request in the CRM to open an account for a client that the caller may see.")
class OpenAccountRequestInput:
    user_id: str = strawberry.field(description="The CRM's id of the client.")
    connection_id: str = strawberry.field(description="The CRM's id of the trading server connection.")
    platform: OpenAccountPlatform = strawberry.field(description="The platform of the account, with its values.")
    idempotency_key: strawberry.ID = strawberry.field(description=KEY)


@public(OUTCOME)
@strawberry.type(description="The CRM has accepted the request. People approve it in the CRM.")
class OpenAccountRequested:
    instruction: Instruction = strawberry.field(description="The instruction.")


OpenAccountRequestPayload = Annotated[
    OpenAccountRequested | InstructionPending | ValidationFailed | Refused | UpstreamFailed | IdempotencyConflict,
    strawberry.union(
        "OpenAccountRequestPayload", description="The outcome of openAccountRequest, or the reason of a failure."
    ),
]


def account_request(asked: OpenAccountRequestInput) -> AccountRequestCommand:
    """The command for the CRM, with the values of the one member of `platform`."""
    name, details = next((name, value) for name in _PLATFORMS if (value := getattr(asked.platform, name)))
    fields = {field: given(getattr(details, field)) for field in details.__dataclass_fields__}
    return AccountRequestCommand(user_id=asked.user_id, connection_id=asked.connection_id, platform=name, **fields)


_PLATFORMS = tuple(OpenAccountPlatform.__dataclass_fields__)


def issues(command: AccountRequestCommand) -> list[InputIssue]:
    """The mistakes for which the CRM would refuse the command, by its documented rules [D, seed 002]."""
    found = []
    least = _LEAST_LEVERAGE.get(command.platform)
    if least is not None and command.leverage is not None and not least <= command.leverage <= _MOST_LEVERAGE:
        message = f"leverage must be from {least} to {_MOST_LEVERAGE}."
        found.append(InputIssue(("platform", command.platform, "leverage"), "leverage", message))
    for path, text in (
        (("userId",), command.user_id),
        (("connectionId",), command.connection_id),
        (("platform", command.platform, "group"), command.group),
        (("platform", command.platform, "offerUuid"), command.offer_uuid),
        (("platform", command.platform, "fortexUsername"), command.fortex_username),
        (("platform", command.platform, "accountTypeId"), command.account_type_id),
    ):
        # The vendor's document allows an account type that is an empty text, and no other empty text [D].
        if text is not None and not text.strip() and (text or path[-1] != "accountTypeId"):
            found.append(InputIssue(path, "not-empty", f"{path[-1]} must not be empty."))
        if text is not None and len(text) > _LONGEST_TEXT:
            found.append(InputIssue(path, "length", f"{path[-1]} must have at most {_LONGEST_TEXT} characters."))
    return found


async def check(command: AccountRequestCommand, context: Context) -> CheckedCommand:
    """The command with its client. Raises InvalidInput, NotPermitted, UpstreamError."""
    if found := issues(command):
        raise InvalidInput(*found)
    crm = context.services.upstreams.crm
    if crm is None:
        raise NotPermitted(Reason.NOT_SUPPORTED, f"No {sections('crm')} is configured, so there is no CRM to ask.")
    erp = context.services.upstreams.erp
    client = await erp.client_by_crm_user(command.user_id, context.caller.visible, context.call)
    if client is None:
        raise NotPermitted(Reason.NOT_FOUND, "There is no client with this CRM user id.")
    return CheckedCommand(client, command, partial(crm.prepare_request, command))


def confirmed(outcome: Outcome) -> OpenAccountRequested:
    return OpenAccountRequested(instruction=outcome.instruction)  # type: ignore[arg-type]  # the record is the root.


async def open_account_request(info: Info, input: Annotated[OpenAccountRequestInput, INPUT]) -> Any:  # noqa: A002 - the graph's name.
    context, command = info.context, account_request(input)
    asked = request(KIND, str(input.idempotency_key), command.meaning, context)
    return await payload(asked, lambda: check(command, context), confirmed, context)
