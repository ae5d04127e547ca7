"""Everything that can be changed."""

import strawberry

from resolvers.fields.declare import root
from resolvers.mutations.create_trading_account import CreateTradingAccountPayload, create_trading_account
from resolvers.mutations.deposit import DepositPayload, deposit
from resolvers.mutations.open_account_request import OpenAccountRequestPayload, open_account_request
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, asks
from resolvers.policy.scopes import Scope


@strawberry.type(description="The mutations. Each takes an idempotency key and creates an instruction.")
class Mutation:
    create_trading_account = root(
        create_trading_account,
        returns=CreateTradingAccountPayload,
        description="Make a trading account for a client, on a server that the ERP chooses or on a named server.",
        upstreams=[STATE_STATEMENT, *asks("erp"), *asks("accounts")],
        # The client, the client's password for the ERP's API, and the group of an account on a named server.
        reads=[ERP_STATEMENT, ERP_STATEMENT, *asks("accounts")],
        scopes=[Scope.ACCOUNT_CREATE],
    )
    deposit = root(
        deposit,
        returns=DepositPayload,
        description="Put money on a trading account. The deposit is booked at most once, also after failures and "
        "repeats.",
        upstreams=[STATE_STATEMENT, *asks("deposits")],
        # The account and its client.
        reads=[ERP_STATEMENT, ERP_STATEMENT],
        scopes=[Scope.DEPOSIT_CREATE],
    )
    open_account_request = root(
        open_account_request,
        returns=OpenAccountRequestPayload,
        description="Send a request to open an account to the CRM, where people approve it.",
        upstreams=[STATE_STATEMENT, *asks("crm")],
        # The client.
        reads=[ERP_STATEMENT],
        scopes=[Scope.ACCOUNT_REQUEST_CREATE],
    )
