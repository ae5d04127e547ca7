"""The scopes of callers, and the permission of each scope."""

from enum import StrEnum


class Scope(StrEnum):
    """The values are stored with keys and printed in @requiresScopes."""

    CLIENT_READ = "client:read"
    BALANCE_READ = "balance:read"
    TRADE_READ = "trade:read"
    INSTRUCTION_READ = "instruction:read"
    ACCOUNT_CREATE = "account:create"
    DEPOSIT_CREATE = "deposit:create"
    WITHDRAWAL_CREATE = "withdrawal:create"
    WITHDRAWAL_APPROVE = "withdrawal:approve"
    ACCOUNT_REQUEST_CREATE = "account-request:create"
    SCHEMA_READ = "schema:read"
    METRICS_READ = "metrics:read"


SCOPES = {
    Scope.CLIENT_READ: "clients, their web status and their trading accounts, without figures",
    Scope.BALANCE_READ: "balances, account figures and everything live",
    Scope.TRADE_READ: "open positions, closed trades and daily reports",
    Scope.INSTRUCTION_READ: "instructions and their events",
    Scope.ACCOUNT_CREATE: "createTradingAccount",
    Scope.DEPOSIT_CREATE: "deposit",
    Scope.WITHDRAWAL_CREATE: "withdraw",
    Scope.WITHDRAWAL_APPROVE: "approveInstruction and declineInstruction, for commands of other principals",
    Scope.ACCOUNT_REQUEST_CREATE: "openAccountRequest",
    Scope.SCHEMA_READ: "introspection, suggestions and the schema file, if they are not public",
    Scope.METRICS_READ: "metrics and the state of the databases, if they are not public",
}

OF_ONES_OWN = frozenset({Scope.CLIENT_READ, Scope.BALANCE_READ, Scope.TRADE_READ, Scope.INSTRUCTION_READ})
"""The only scopes that a client's own token can have, whatever its claims say. Such a token reads and changes nothing.
"""
