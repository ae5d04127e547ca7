"""Everything that can be changed."""

import strawberry

from resolvers.fields.declare import root
from resolvers.mutations.create_trading_account import CreateTradingAccountPayload, create_trading_account
from resolvers.mutations.decide import DecideInstructionPayload, approve_instruction, decline_instruction
from resolvers.mutations.deposit import DepositPayload, deposit
from resolvers.mutations.open_account_request import OpenAccountRequestPayload, open_account_request
from resolvers.mutations.withdraw import WithdrawPayload, withdraw
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, asks
from resolvers.policy.scopes import Scope


@strawberry.type(description="The mutations. A command takes an idempotency key and creates an instruction.")
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
    withdraw = root(
        withdraw,
        returns=WithdrawPayload,
        description="Take money off a trading account. The withdrawal is booked at most once, also after failures and "
        "repeats. An amount above a setting waits for the approval of another principal.",
        upstreams=[STATE_STATEMENT, *asks("withdrawals")],
        # The account and its client.
        reads=[ERP_STATEMENT, ERP_STATEMENT],
        scopes=[Scope.WITHDRAWAL_CREATE],
    )
    approve_instruction = root(
        approve_instruction,
        returns=DecideInstructionPayload,
        description="Approve an instruction that waits, and apply it. The principal must be another than the one that "
        "gave the command. The same decision by the same principal is a replay.",
        upstreams=[STATE_STATEMENT, *asks("withdrawals")],
        # The account and its client.
        reads=[STATE_STATEMENT, ERP_STATEMENT, ERP_STATEMENT],
        scopes=[Scope.WITHDRAWAL_APPROVE],
    )
    decline_instruction = root(
        decline_instruction,
        returns=DecideInstructionPayload,
        description="Decline an instruction that waits, so that it is never applied.",
        upstreams=[STATE_STATEMENT],
        reads=[STATE_STATEMENT],
        scopes=[Scope.WITHDRAWAL_APPROVE],
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
