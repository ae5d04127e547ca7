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


SCOPES = {
    Scope.CLIENT_READ: "clients, their web status and their trading accounts, without figures",
    Scope.BALANCE_READ: "balances, account figures and everything live",
    Scope.INSTRUCTION_READ: "instructions and their events",
    Scope.ACCOUNT_CREATE: "createTradingAccount",
    Scope.DEPOSIT_CREATE: "deposit",
    Scope.ACCOUNT_REQUEST_CREATE: "openAccountRequest",
}
