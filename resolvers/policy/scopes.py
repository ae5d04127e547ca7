"""What an API key may be allowed, and what each scope opens."""

from enum import StrEnum


class Scope(StrEnum):
    """The values are what keys hold and what @requiresScopes prints."""

    CLIENT_READ = "client:read"
    BALANCE_READ = "balance:read"
    INSTRUCTION_READ = "instruction:read"
    ACCOUNT_CREATE = "account:create"
    DEPOSIT_CREATE = "deposit:create"
    ACCOUNT_REQUEST_CREATE = "account-request:create"
    SCHEMA_READ = "schema:read"
    METRICS_READ = "metrics:read"


SCOPES = {
    Scope.CLIENT_READ: "clients, their web status and their trading accounts, without figures",
    Scope.BALANCE_READ: "balances, account figures and everything live",
    Scope.INSTRUCTION_READ: "instructions and their events",
    Scope.ACCOUNT_CREATE: "createTradingAccount",
    Scope.DEPOSIT_CREATE: "deposit",
    Scope.ACCOUNT_REQUEST_CREATE: "openAccountRequest",
    Scope.SCHEMA_READ: "introspection, suggestions and the schema file, where they are not public",
    Scope.METRICS_READ: "metrics and the state of the databases, where they are not public",
}

OF_ONES_OWN = frozenset({Scope.CLIENT_READ, Scope.BALANCE_READ, Scope.INSTRUCTION_READ})
"""All that a client's own token can ever hold: it looks, and changes nothing, whatever its claims say."""
