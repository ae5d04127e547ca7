"""The mutations as the tests send them, and fresh clients and keys for each."""

import itertools
import uuid

# Without the figures of the account: they are the copy of the ERP, which may be synchronised between two equal answers.
DEPOSIT = """
mutation ($input: DepositInput!) { deposit(input: $input) {
  __typename
  ... on DepositConfirmed { account { login currency } instruction { ...all } }
  ... on InstructionPending { instruction { ...all } }
  ... on IdempotencyConflict { original { ...all } }
  ... on ValidationFailed { issues { path rule message } }
  ... on UpstreamFailed { system retryAfterSeconds }
  ... on MutationError { code retry upstreamCode message }
} }
fragment all on Instruction {
  id kind status upstreamReference amount { amount currency } events { status actor note } idempotencyKey
}
"""
WITHDRAW = (
    DEPOSIT.replace("DepositInput", "WithdrawInput")
    .replace("deposit(", "withdraw(")
    .replace("DepositConfirmed", "WithdrawalConfirmed")
)
DECIDE = """
mutation ($input: DecideInstructionInput!) { DECISION(input: $input) {
  __typename
  ... on InstructionDecided { instruction { ...all } }
  ... on InstructionPending { instruction { ...all } }
  ... on ValidationFailed { issues { path rule message } }
  ... on MutationError { code retry upstreamCode message }
} }
fragment all on Instruction { id kind status upstreamReference events { status actor note } idempotencyKey }
"""
CREATE = """
mutation ($input: CreateTradingAccountInput!) { createTradingAccount(input: $input) {
  __typename
  ... on TradingAccountCreated { server login initialPassword account { status group currency balance }
                                 instruction { ...all } }
  ... on TradingAccountAlreadyExists { server login account { status group currency balance } instruction { ...all } }
  ... on InstructionPending { instruction { ...all } }
  ... on IdempotencyConflict { original { ...all } }
  ... on ValidationFailed { issues { path rule message } }
  ... on UpstreamFailed { system retryAfterSeconds }
  ... on MutationError { code retry upstreamCode message }
} }
fragment all on Instruction { id kind status upstreamReference events { status actor note } idempotencyKey }
"""
REQUEST = """
mutation ($input: OpenAccountRequestInput!) { openAccountRequest(input: $input) {
  __typename
  ... on OpenAccountRequested { instruction { ...all } }
  ... on InstructionPending { instruction { ...all } }
  ... on IdempotencyConflict { original { ...all } }
  ... on ValidationFailed { issues { path rule message } }
  ... on UpstreamFailed { system retryAfterSeconds }
  ... on MutationError { code retry upstreamCode message }
} }
fragment all on Instruction { id kind status upstreamReference events { status actor note } idempotencyKey }
"""

_numbers = itertools.count(1)


def new_key():
    return f"test-{next(_numbers)}-{uuid.uuid4()}"


def deposit(graph, server, login, amount="10.00", currency="USD", key=None, caller="demo-operator", **more):
    return _move(DEPOSIT, "deposit", graph, (server, login, amount, currency), key, caller, more)


def withdraw(graph, server, login, amount="10.00", currency="USD", key=None, caller="demo-operator", **more):
    return _move(WITHDRAW, "withdraw", graph, (server, login, amount, currency), key, caller, more)


def _move(document, field, graph, money, key, caller, more):
    server, login, amount, currency = money
    chosen = {
        "account": {"account": {"server": server, "login": login}},
        "amount": amount,
        "currency": currency,
        "idempotencyKey": key or new_key(),
        **more,
    }
    return graph.data(document, {"input": chosen}, caller)[field]


def decide(graph, decision, identity, caller="demo-approver", **more):
    """`decision` is "approveInstruction" or "declineInstruction"."""
    document = DECIDE.replace("DECISION", decision)
    return graph.data(document, {"input": {"id": identity, **more}}, caller)[decision]


def create(graph, number, key=None, server=None, caller="demo-operator"):
    chosen = {"clientNumber": number, "idempotencyKey": key or new_key()}
    if server is not None:
        chosen["server"] = server
    return graph.data(CREATE, {"input": chosen}, caller)["createTradingAccount"]


def request(graph, user, platform, connection="mt4live1", key=None, caller="demo-operator"):
    chosen = {
        "userId": user,
        "connectionId": connection,
        "platform": platform,
        "idempotencyKey": key or new_key(),
    }
    return graph.data(REQUEST, {"input": chosen}, caller)["openAccountRequest"]


STATUSES = ["RECEIVED", "SENT", "CONFIRMED"]


def statuses(payload):
    return [event["status"] for event in payload["instruction"]["events"]]
