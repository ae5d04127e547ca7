"""Everything that can be changed."""

import strawberry

from resolvers.fields.declare import root
from resolvers.mutations.create_trading_account import CreateTradingAccountPayload, create_trading_account
from resolvers.mutations.deposit import DepositPayload, deposit
from resolvers.mutations.open_account_request import OpenAccountRequestPayload, open_account_request
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, asks
from resolvers.policy.scopes import Scope


@strawberry.type(description="Everything that can be changed. Each takes an idempotency key and leaves an instruction.")
class Mutation:
    create_trading_account = root(
        create_trading_account,
        returns=CreateTradingAccountPayload,
        description="Make a trading account for a client: where the ERP decides, or on a named server.",
        upstreams=[STATE_STATEMENT, *asks("erp"), *asks("accounts")],
        # The client, the client's password for the ERP's API, and the group of an account on a named server.
        reads=[ERP_STATEMENT, ERP_STATEMENT, *asks("accounts")],
        scopes=[Scope.ACCOUNT_CREATE],
    )
    deposit = root(
        deposit,
        returns=DepositPayload,
        description="Put money on a trading account, once, whatever happens on the way.",
        upstreams=[STATE_STATEMENT, *asks("deposits")],
        # The account and its client.
        reads=[ERP_STATEMENT, ERP_STATEMENT],
        scopes=[Scope.DEPOSIT_CREATE],
    )
    open_account_request = root(
        open_account_request,
        returns=OpenAccountRequestPayload,
        description="Ask the CRM to open an account; people approve it there.",
        upstreams=[STATE_STATEMENT, *asks("crm")],
        # The client.
        reads=[ERP_STATEMENT],
        scopes=[Scope.ACCOUNT_REQUEST_CREATE],
    )
