"""PgBouncer in transaction mode between brokergraph and PostgreSQL: no statement may outlive its transaction."""

import asyncio
from collections.abc import Iterator

import pytest
from support.bouncers import bouncing
from support.ledgers import confirmed_instruction
from support.served import QUERY, Served, serving
from support.streams import EVENTS, TRANSPORTS

from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig

PATIENCE_SECONDS = 15


@pytest.fixture
def bouncer(acme, box, tmp_path) -> Iterator[dict[str, str]]:
    """Variables that lead through it, for both databases. Each has one connection, so that every transaction meets what
    others left on it.
    """
    with bouncing(tmp_path, 1, erp=box.graph_database_url, state=acme.state) as urls:
        yield {f"BROKERGRAPH_{name.upper()}__DATABASE_URL": url for name, url in urls.items()}


def test_without_prepared_statements_the_graph_works_behind_pgbouncer(acme, bouncer):
    unprepared = {f"BROKERGRAPH_{section}__PREPARED_STATEMENTS": "false" for section in ("ERP", "STATE")}
    operator = acme.operator.having(**bouncer, **unprepared)

    checked = operator.run_here("check")
    with serving(operator) as served:
        answers = [served.ask(QUERY, acme.key)["data"]["client"]["totalFloatingBalance"]["amount"] for _ in range(5)]
        stopped = served.stop()

    assert (checked.exit_code, checked.stdout.endswith("nothing wrong\n")) == (0, True), checked.stdout
    assert answers == ["72888.65"] * 5
    assert stopped == 0


async def followed(served: Served, key: str, transport, state: str) -> list[str]:
    """The statuses of two instructions, as they are made and again from the first one on."""
    cursors = [served.ask("{ instructionEventsCursor }", key)["data"]["instructionEventsCursor"]]
    database, found = Database(DatabaseConfig(url=Secret(state)), label="STATE_DATABASE"), []

    async def take(stream, number):
        for _ in range(number):
            event = (await stream.next())["data"]["instructionEvents"]
            found.append(event["event"]["status"])
            cursors.append(event["cursor"])

    try:
        async with transport.open(served.address, EVENTS, {"after": cursors[0]}, key) as stream:
            for number in range(2):
                await confirmed_instruction(database, f"bouncer-{transport.__name__}-{number}")
                await take(stream, 3)
        async with transport.open(served.address, EVENTS, {"after": cursors[1]}, key) as stream:
            await take(stream, 5)
    finally:
        await database.close()
    return found


def test_streams_miss_nothing_behind_pgbouncer(acme, bouncer):
    unprepared = {f"BROKERGRAPH_{section}__PREPARED_STATEMENTS": "false" for section in ("ERP", "STATE")}
    operator = acme.operator.having(**bouncer, **unprepared)
    key = operator.run_here("keys", "create", "watcher", "--scope", "instruction:read").stdout.strip()
    each = ["RECEIVED", "SENT", "CONFIRMED"]

    with serving(operator) as served:
        for transport in TRANSPORTS:
            assert asyncio.run(followed(served, key, transport, acme.state)) == each + each + each[1:] + each


@pytest.mark.parametrize("prepared", ["true", "false"])
def test_o15_check_notes_prepared_statements_behind_a_pooler_in_transaction_mode(acme, bouncer, prepared):
    settings = {f"BROKERGRAPH_{section}__PREPARED_STATEMENTS": prepared for section in ("ERP", "STATE")}

    done = acme.operator.having(**bouncer, **settings).run_here("check")

    for section in ("erp", "state"):
        note = f"note  {section}.prepared_statements: is true, but a pooler in transaction mode is in front"
        assert (note in done.stdout) is (prepared == "true")
