import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from core.errors import Reason, Rejected, UpstreamError
from core.records import BalanceRecord, ClientRecord, LiveClientRecord
from core.secret import Secret
from resolvers.context import Context
from resolvers.policy.directives import needs
from resolvers.policy.enums import ClientStanding
from resolvers.policy.errors import LimitExceeded
from resolvers.policy.scopes import Scope
from resolvers.types.currency_balance import CurrencyBalance, Money, money
from resolvers.types.status import ErpStatus, WebStatus, erp_status, web_status
from upstreams.vendors.kit.protocol import ErpApi

# The ERP API's ResponseCode for a client without a restriction [D, H-1244].
_UNRESTRICTED = 0


@strawberry.type(
    description="The live answer of the ERP's own API. A value that the ERP leaves out of a restricted client's "
    "answer is null, which does not mean zero or empty.",
    directives=[needs(Scope.BALANCE_READ)],
)
class LiveClient:
    observed_at: datetime = strawberry.field(description="The time of the ERP's answer.")
    agency: int | None = strawberry.field(description="The agency or branch of the client.")

    @strawberry.field(description="OK if the ERP reports no restriction.")
    def standing(root: strawberry.Parent[LiveClientRecord]) -> ClientStanding:
        return ClientStanding.OK if root.response_code == _UNRESTRICTED else ClientStanding.RESTRICTED

    @strawberry.field(description="The standing as a sentence.")
    def message(root: strawberry.Parent[LiveClientRecord]) -> str:
        if root.response_code == _UNRESTRICTED:
            return "The client's account is OK."
        return "The client is restricted; review the case in the ERP."

    @strawberry.field(description="The status of the client in the ERP.")
    def erp_status(root: strawberry.Parent[LiveClientRecord]) -> ErpStatus | None:
        return None if root.erp_status is None else erp_status(root.erp_status, root.erp_status_text)

    @strawberry.field(description="The client's permissions on the website.")
    def web_status(root: strawberry.Parent[LiveClientRecord]) -> WebStatus | None:
        return None if root.web_status is None else web_status(root.web_status, root.web_status_text)

    @strawberry.field(
        graphql_type=list[CurrencyBalance] | None,
        description="The client's balance in each currency, without balances of zero.",
    )
    def balances(root: strawberry.Parent[LiveClientRecord]) -> list[BalanceRecord] | None:
        balances = _readable(root.balances)
        if balances is None:
            return None
        currency, number = root.accounting_currency, root.client_number
        return [BalanceRecord(number, row.currency, row.balance, row.cash, row.value, currency) for row in balances]

    @strawberry.field(description="The ERP's own total of all values, in the accounting currency.")
    def total_floating_balance(root: strawberry.Parent[LiveClientRecord]) -> Money | None:
        return money(_readable(root.total_floating_balance), root.accounting_currency)


def _readable(figure: Any) -> Any:
    """The figure. Raises the error in its place."""
    if isinstance(figure, UpstreamError):
        raise figure
    return figure


async def live_clients(
    clients: Sequence[ClientRecord], context: Context
) -> Sequence[LiveClientRecord | BaseException | None]:
    """Makes one call for each client. The calls run concurrently within the vendor's limits. All are None if the
    settings have no ERP API.
    """
    erp_api = context.services.upstreams.erp_api
    if erp_api is None:
        return [None] * len(clients)
    most = context.services.limits.live_clients_max
    if len(clients) > most:
        raise LimitExceeded(
            f"Client.live costs a rate-limited call per client: at most {most} in one operation; asked for "
            f"{len(clients)}. Ask for `balances` instead, or for fewer clients."
        )
    numbers = [client.client_number for client in clients]
    passwords = await context.services.upstreams.erp.api_passwords(numbers, context.caller.visible, context.call)
    asked = (_ask(erp_api, number, passwords.get(number), context) for number in numbers)
    return list(await asyncio.gather(*asked, return_exceptions=True))


async def _ask(erp_api: ErpApi, number: int, password: Secret | None, context: Context) -> LiveClientRecord:
    if password is None:
        message = "The ERP has no API password of this client, so that the ERP's API cannot be called for this client."
        raise Rejected(message, system=erp_api.system, reason=Reason.CREDENTIALS_REJECTED)
    return await erp_api.client_balance(number, password, context.call)
