"""Deposits and withdrawals under fire. Afterwards the vendors' books must equal what is CONFIRMED."""

import asyncio
import itertools
import json
import os
import socket
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from support import victim
from support.clients import http_client
from support.forked import forked

ROOT = Path(__file__).parent.parent.parent
SERVERS = ("R1", "R3", "A1", "M1")
# As quick as settling can be made without being less careful: a vendor's own deadlines are shortened, not overlooked.
QUICK = {
    "RECONCILIATION__PROCESS_SECONDS": "3",
    "RECONCILIATION__POLL_INTERVAL_SECONDS": "0.2",
    "RECONCILIATION__FIRST_PAUSE_SECONDS": "0.2",
    "RECONCILIATION__LONGEST_PAUSE_SECONDS": "1",
    "RECONCILIATION__LEASE_SECONDS": "20",
    "RECONCILIATION__BATCH_SIZE": "16",
    "SERVER__REQUEST_DEADLINE_SECONDS": "1.5",
    "CPLUGIN__MAIN__WRITE_TIMEOUT_HEADER_SECONDS": "1",
    "CPLUGIN__LEGACY__WRITE_TIMEOUT_HEADER_SECONDS": "1",
    # Commands of one MT5 server are sent one after another: a wait and an exchange are shorter than PROCESS_SECONDS.
    "MT5_WEB__DIRECT__LIMITS__BREAKER_FAILURES": "100000",
    "MT5_WEB__DIRECT__LIMITS__READ_TIMEOUT_SECONDS": "1",
    "MT5_WEB__DIRECT__LIMITS__TOTAL_TIMEOUT_SECONDS": "1.2",
    "MT5_WEB__DIRECT__FIRST_PAUSE_SECONDS": "0.1",
    "MT5_WEB__DIRECT__LONGEST_PAUSE_SECONDS": "0.5",
    **{
        f"{section}__LIMITS__{name}": value
        for section in ("BROCTAGON", "CPLUGIN__MAIN", "CPLUGIN__LEGACY")
        for name, value in (
            ("BREAKER_FAILURES", "100000"),
            ("READ_TIMEOUT_SECONDS", "2"),
            ("TOTAL_TIMEOUT_SECONDS", "3"),
        )
    },
}
MUTATION = """
mutation ($input: DepositInput!) { deposit(input: $input) {
  __typename
  ... on DepositConfirmed { instruction { id status } }
  ... on InstructionPending { instruction { id status } }
  ... on IdempotencyConflict { original { id } } ... on MutationError { code message retry }
} }
"""
MUTATIONS = {
    "deposit": MUTATION,
    "withdraw": MUTATION.replace("DepositInput", "WithdrawInput")
    .replace("deposit(", "withdraw(")
    .replace("DepositConfirmed", "WithdrawalConfirmed"),
}
_keys = itertools.count(1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass
class Order:
    """A deposit or withdrawal that a caller wants, whatever it takes; `answers` has all that the caller was told."""

    server: str
    login: str
    currency: str
    amount: str
    mutation: str = "deposit"
    key: str = field(default_factory=lambda: f"torture-{next(_keys)}-{uuid.uuid4()}")
    answers: list[dict] = field(default_factory=list)

    @property
    def body(self):
        chosen = {
            "account": {"account": {"server": self.server, "login": self.login}},
            "amount": self.amount,
            "currency": self.currency,
            "idempotencyKey": self.key,
        }
        return json.dumps({"query": MUTATIONS[self.mutation], "variables": {"input": chosen}})


@dataclass
class Server:
    """A graph in a process of its own."""

    port: int
    process: BaseProcess

    async def send(self, order, patience=20.0, key="demo-operator"):
        """Ask once. What the caller is told, or None where the caller is told nothing."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        address = f"http://127.0.0.1:{self.port}/graphql"
        try:
            async with http_client(timeout=patience) as caller:
                response = await caller.post(address, content=order.body, headers=headers)
                body = response.json()
        except (httpx.TransportError, ValueError):
            return None
        told = (body.get("data") or {}).get(order.mutation)
        if told is not None:
            order.answers.append(told)
        return told

    async def ended(self):
        await asyncio.to_thread(self.process.join)

    async def ready(self):
        async with http_client(timeout=5) as caller:
            for _ in range(1500):
                try:
                    if (await caller.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    if self.process.exitcode is not None:
                        raise RuntimeError("the graph did not start") from None
                await asyncio.sleep(0.02)
        raise RuntimeError("the graph did not get ready")


@asynccontextmanager
async def serving(settings_path, *weapon, awaited=True, **overrides):
    """A graph, armed or not, until it dies or the body ends. Not awaited where it may die before it is ready."""
    settings = {f"BROKERGRAPH_{name}": value for name, value in (QUICK | overrides).items()}
    port = free_port()
    words = (str(settings_path), str(port), *map(str, weapon))
    process = forked(victim.main, *words, environment=os.environ | settings, log=Path(os.devnull))
    server = Server(port, process)
    try:
        if awaited:
            await server.ready()
        yield server
    finally:
        process.terminate()
        await server.ended()


async def enrich(database, chosen):
    """Give these accounts (server, login, currency) a million, and no open trades."""
    for server, login, _ in chosen:
        await database.execute(
            "UPDATE platform.account SET balance = 1000000, floating = 0, margin = 0 WHERE server = $1 AND login = $2",
            *(server, int(login)),
        )


async def accounts(database, server, count):
    """So many active accounts on a server, of clients who may act."""
    rows = await database.fetch(
        """SELECT a.login::text, a.currency FROM platform.account a JOIN brokergraph_erp.client c USING (client_number)
           JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
           WHERE a.server = $1 AND c.identity_locked AND c.erp_status IN (4, 5) AND a.enabled AND NOT a.read_only
           ORDER BY a.login LIMIT $2""",
        server,
        count,
    )
    return [(row["login"], row["currency"]) for row in rows]


# A look that found nothing postpones the next one far beyond the first pause.
OPEN = """SELECT id, status, server, settle_attempts > 0 OR settle_at > now() + interval '5 s' AS looked_for
          FROM brokergraph.instruction
          WHERE idempotency_key = ANY ($1) AND status IN ('RECEIVED', 'SENT', 'UNKNOWN')"""


async def settled(database, orders, seconds=60):
    """Wait until nothing of these orders is open but what people have to decide. What is left after the time fails.

    Absence from the books counts only ten minutes after a command was sent; the tests do not wait so long. Once
    every open command has been searched for, and no vendor has work in progress, the record is made ten minutes older.
    """
    keys = [order.key for order in orders]
    await _until(database, keys, _looked_for, seconds)
    await ten_minutes_later(database, keys)
    await _until(database, keys, lambda left: not left, seconds)


def _looked_for(left):
    return all(row["status"] == "UNKNOWN" and row["looked_for"] for row in left)


async def _until(database, keys, enough, seconds):
    for look in range(int(seconds / 0.1)):
        left = await database.fetch(OPEN, keys)
        if enough(left):
            return
        if look % 20 == 10:
            # A search before the record was made older has delayed the next search by these minutes.
            await database.execute(LOOK_NOW, keys)
            # A double stays one, so nothing else has to be waited for.
            assert await database.fetch(DOUBLES, keys) == []
        await asyncio.sleep(0.1)
    raise AssertionError(f"not settled in {seconds} s: {[tuple(row) for row in left]}")


DOUBLES = """SELECT i.idempotency_key, count(*) FROM brokergraph.instruction i
             JOIN platform.deal d ON d.comment = i.reference
             WHERE i.idempotency_key = ANY ($1) GROUP BY i.id HAVING count(*) > 1"""
LOOK_NOW = """UPDATE brokergraph.instruction SET settle_at = now()
              WHERE idempotency_key = ANY ($1) AND status = 'UNKNOWN' AND settle_at > now() + interval '30 s'"""


async def ten_minutes_later(database, keys):
    """Make the commands ten minutes older. Only a role with every right on the database can do this."""
    async with database.transaction():
        await database.execute("SET LOCAL session_replication_role = replica")
        await database.execute(
            """UPDATE brokergraph.instruction SET sent_at = sent_at - interval '10 minutes', settle_at = now()
               WHERE idempotency_key = ANY ($1) AND status = 'UNKNOWN'""",
            keys,
        )


@dataclass
class Books:
    """What the ledger says of the orders beside what the vendors' own books say."""

    statuses: dict[str, int]
    doubles: list[str]
    lost: list[str]
    invented: list[str]
    confirmed: Decimal
    booked: Decimal


async def books(database, orders):
    """Compare both by reference: what is CONFIRMED, and what the vendors have booked."""
    rows = await database.fetch(
        """SELECT i.idempotency_key AS key, i.status, count(d.ticket) AS deals,
                  CASE i.kind WHEN 'WITHDRAWAL' THEN -i.amount ELSE i.amount END AS amount,
                  coalesce(sum(d.amount), 0) AS booked
           FROM brokergraph.instruction i
           LEFT JOIN platform.deal d ON d.comment = i.reference
           WHERE i.idempotency_key = ANY ($1) GROUP BY i.id""",
        [order.key for order in orders],
    )
    statuses = {}
    for row in rows:
        statuses[row["status"]] = statuses.get(row["status"], 0) + 1
    return Books(
        statuses,
        doubles=[row["key"] for row in rows if row["deals"] > 1],
        lost=[row["key"] for row in rows if row["status"] == "CONFIRMED" and row["deals"] != 1],
        invented=[row["key"] for row in rows if row["status"] == "REJECTED" and row["deals"] != 0],
        confirmed=sum((row["amount"] for row in rows if row["status"] == "CONFIRMED"), Decimal(0)),
        booked=sum((row["booked"] for row in rows if row["status"] != "NEEDS_REVIEW"), Decimal(0)),
    )


async def assert_books_balance(database, orders, *, allowed_reviews=0):
    """Zero doubles, zero lost, nothing said that is not so, no more left to people than is allowed."""
    found = await books(database, orders)
    assert found.doubles == [], found
    assert found.lost == [], found
    assert found.invented == [], found
    assert found.confirmed == found.booked, found
    assert found.statuses.get("NEEDS_REVIEW", 0) <= allowed_reviews, found
    assert set(found.statuses) <= {"CONFIRMED", "REJECTED", "NEEDS_REVIEW"}, found
    await assert_answers_were_true(database, orders)
    return found


async def assert_answers_were_true(database, orders):
    """No caller got CONFIRMED for a command that was not done, or a refusal for one that was done."""
    rows = await database.fetch(
        "SELECT idempotency_key, status FROM brokergraph.instruction WHERE idempotency_key = ANY ($1)",
        [order.key for order in orders],
    )
    statuses = {row["idempotency_key"]: row["status"] for row in rows}
    for order in orders:
        if any(answer["__typename"] in {"DepositConfirmed", "WithdrawalConfirmed"} for answer in order.answers):
            assert statuses[order.key] == "CONFIRMED", order
        # SAME_KEY says that the caller may go on with this very order; anything else, that it is over. A refusal
        # because of another command has no row, so that the caller may come again as well.
        over = [one for one in order.answers if one.get("code") != "REQUEST_ALREADY_PENDING"]
        if any(answer.get("retry", "SAME_KEY") != "SAME_KEY" for answer in over):
            assert statuses.get(order.key) in (None, "REJECTED"), order
