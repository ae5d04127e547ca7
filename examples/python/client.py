"""brokergraph with gql: page through clients, deposit with a repeatable key, follow the instruction."""

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

CLIENTS = """query Clients($first: Int!, $after: String) { clients(first: $first, after: $after) {
  nodes { clientNumber fullName totalFloatingBalance { amount currency } } pageInfo { hasNextPage endCursor } } }"""
CURSOR = "query Cursor { instructionEventsCursor }"
INSTRUCTION = "query Instruction($id: ID!) { instruction(by: { id: $id }) { id status } }"
DEPOSIT = """mutation Deposit($input: DepositInput!) { deposit(input: $input) {
  __typename
  ... on DepositConfirmed { instruction { id status } }
  ... on InstructionPending { instruction { id status } }
  ... on MutationError { code message retry } } }"""
EVENTS = """subscription Events($after: String) { instructionEvents(after: $after) {
  cursor event { status } instruction { id } } }"""
# Errors before the command was looked at. The same key makes a repeat safe.
PASSING = {"BUDGET_EXCEEDED", "OVERLOADED", "UPSTREAM_UNAVAILABLE", "DEADLINE_EXCEEDED"}
FINAL = {"CONFIRMED", "REJECTED"}


@dataclass(frozen=True)
class Payment:
    """Store it before the deposit: a repeat needs the same key, and the cursor is before the first event."""

    server: str
    login: str
    amount: str
    currency: str
    cursor: str
    key: str


@dataclass(frozen=True)
class Graph:
    """A graph and a key."""

    url: str
    key: str

    async def ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The data, also beside errors of single fields. Raises TransportQueryError without data."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with Client(transport=HTTPXAsyncTransport(self.url, headers=headers)) as session:
            try:
                return await session.execute(GraphQLRequest(query, variable_values=variables))
            except TransportQueryError as error:
                if error.data is None:
                    raise
                return error.data

    async def pages(self, first: int) -> AsyncGenerator[list[dict[str, Any]], None]:
        """The clients page by page."""
        after, has_next = None, True
        while has_next:
            found = (await self.ask(CLIENTS, {"first": first, "after": after}))["clients"]
            yield found["nodes"]
            after, has_next = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]

    async def newest_cursor(self) -> str:
        return (await self.ask(CURSOR))["instructionEventsCursor"]

    async def deposit(self, payment: Payment, attempts: int = 8) -> dict[str, Any]:
        """Deposit once. Every repeat has the same key. The outcome is final, or InstructionPending."""
        chosen = {
            "account": {"account": {"server": payment.server, "login": payment.login}},
            "amount": payment.amount,
            "currency": payment.currency,
            "idempotencyKey": payment.key,
        }
        for attempt in range(1, attempts + 1):
            try:
                outcome = (await self.ask(DEPOSIT, {"input": chosen}))["deposit"]
            except TransportQueryError as error:
                codes = {one.get("extensions", {}).get("code") for one in error.errors or ()}
                if not codes <= PASSING:
                    raise
            except (TransportError, OSError):
                # Without an answer the deposit may have been made.
                pass
            else:
                # SAME_KEY: the outcome is not known. A new key could book the money twice.
                if outcome.get("retry") != "SAME_KEY":
                    return outcome
            await asyncio.sleep(min(0.1 * 2**attempt, 10))
        raise RuntimeError("The graph did not answer. Repeat with the same idempotency key.")

    async def events(self, cursor: str) -> AsyncGenerator[dict[str, Any] | None, None]:
        """Each event after the cursor, once and in order, over lost connections. None: events are missing."""
        while True:
            try:
                async with aclosing(self._stream(cursor)) as stream:
                    async for event in stream:
                        cursor = event["cursor"]
                        yield event
            except TransportQueryError as error:
                extensions = (error.errors or [{}])[0].get("extensions", {})
                if extensions.get("code") == "STREAM_BEHIND":
                    cursor = extensions["cursor"]
                elif extensions.get("code") == "STREAM_RESET":
                    cursor = await self.newest_cursor()
                    yield None
            except (TransportError, OSError):
                pass
            await asyncio.sleep(0.5)

    async def _stream(self, cursor: str) -> AsyncGenerator[dict[str, Any], None]:
        key = {"Authorization": f"Bearer {self.key}"}
        url = self.url.replace("http", "ws", 1)
        transport = WebsocketsTransport(url, init_payload=key, subprotocols=["graphql-transport-ws"])
        async with Client(transport=transport) as session:
            request = GraphQLRequest(EVENTS, variable_values={"after": cursor})
            async with aclosing(session.subscribe(request)) as answers:
                async for data in answers:
                    yield data["instructionEvents"]

    async def pay_and_follow(self, payment: Payment, tell: Callable[[str], None]) -> str:
        """Deposit, or repeat a deposit, and tell each status of the instruction. Returns the last one, or a refusal."""
        outcome = await self.deposit(payment)
        if "instruction" not in outcome:
            return outcome["code"]
        identity = outcome["instruction"]["id"]
        async with aclosing(self.events(payment.cursor)) as events:
            async for event in events:
                status = await self._status(event, identity)
                if status:
                    tell(status)
                if status in FINAL:
                    return status
        raise AssertionError("the stream has no end")

    async def _status(self, event: dict[str, Any] | None, identity: str) -> str | None:
        if event is None:
            return (await self.ask(INSTRUCTION, {"id": identity}))["instruction"]["status"]
        # A bookmark has a cursor only.
        return event["event"]["status"] if event["event"] and event["instruction"]["id"] == identity else None


async def main() -> None:
    url = os.environ.get("BROKERGRAPH_URL", "http://127.0.0.1:8000/graphql")
    graph = Graph(url, os.environ.get("BROKERGRAPH_KEY", "demo-operator"))
    count = 0
    async for nodes in graph.pages(50):
        count += len(nodes)
    print(f"{count} clients")
    payment = Payment("R1", "61436", "25.50", "USD", cursor=await graph.newest_cursor(), key=str(uuid.uuid4()))
    outcome = await graph.pay_and_follow(payment, print)
    if outcome != "CONFIRMED":
        raise SystemExit(f"The deposit was not made: {outcome}")
    # The same payment once more, as after a crash: nothing is booked, and the same events come.
    await graph.pay_and_follow(payment, lambda status: print(f"again {status}"))


if __name__ == "__main__":
    asyncio.run(main())
