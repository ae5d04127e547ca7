"""Ledgers of one's own, in a database of one's own beside the sandbox's."""

import uuid
from contextlib import asynccontextmanager
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from core.clock import Clock
from core.commands import NO_GUARDS, DepositCommand
from core.records import ClientRecord
from core.secret import Secret
from core.visibility import Visibility
from instructions.drafts import CheckedCommand, CommandRequest, Identity
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.postgres.migrate import migrate
from upstreams.state.instructions import Ledger, Transition


@asynccontextmanager
async def scratch_database(box):
    """A fresh database with our schema: (Database, connection with every right)."""
    name = f"scratch_{uuid.uuid4().hex}"
    keeper = await asyncpg.connect(box.database_url)
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {await _migrated(box, keeper)}")
    url = _in_database(box, name)
    database = Database(DatabaseConfig(url=Secret(url)), label="STATE_DATABASE")
    try:
        connection = await asyncpg.connect(url)
        yield database, connection
        await connection.close()
    finally:
        await database.close()
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


async def _migrated(box, keeper):
    """The name of a database that is only copied: a copy takes a fraction of the time of all migrations."""
    name = "migrated_template"
    if not await keeper.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
        await keeper.execute(f"CREATE DATABASE {name}")
        await migrate(Secret(_in_database(box, name)))
    return name


def _in_database(box, name):
    return urlunsplit(urlsplit(box.database_url)._replace(path=f"/{name}"))


ACCOUNT = {"server": "R1", "login": "61436", "amount": Decimal("1.50"), "currency": "USD"}
CLIENT = ClientRecord(500608, None, None, 0, 0, None, False, None)


def new_deposit(number, *, guards=NO_GUARDS, principal="partner", now=None, **more):
    """A deposit that a principal might ask for: (the instruction's draft, its limits)."""
    identity = Identity.new(principal, f"key-{number}", now or Clock().now())
    command = DepositCommand(**ACCOUNT | more, reference=identity.reference, idempotency_key=str(identity.id))
    visible = Visibility(None, None, principal)
    request = CommandRequest(identity, "DEPOSIT", principal, f"key-{number}", {"number": number}, visible)
    return request.draft(CheckedCommand(CLIENT, command, no_preparation)), guards


async def no_preparation(_call):
    raise AssertionError("nothing is sent")


async def receive(ledger, new):
    """Write it down: (record, whether it is new)."""
    return await ledger.receive(*new)


async def confirmed_instruction(database, number):
    """One that has gone all the way."""
    ledger = Ledger(database, Clock())
    record, _ = await receive(ledger, new_deposit(number))
    record = await ledger.advance(record, Transition("SENT", "partner"))
    return await ledger.advance(record, Transition("CONFIRMED", "partner", upstream_reference=str(number)))
