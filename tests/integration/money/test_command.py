"""`brokergraph instructions`: list, show, resolve by two people, verify."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess

import pytest
from click.testing import CliRunner
from support.ledgers import confirmed_instruction, new_deposit, receive, scratch_database
from support.served import Operator

from api.cli import main
from core.clock import Clock
from upstreams.state.instructions import Ledger, Transition
from upstreams.state.reconciliation_queue import ReconciliationQueue

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scratch(box):
    async with scratch_database(box) as (database, connection):
        yield database, connection, database.config.url.reveal()


def run(box, url, *arguments, here=True):
    """The command in this process, in a thread because the test has a loop of its own, or in a process of its own."""
    operator = Operator(box.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": url})
    if not here:
        return operator.run("instructions", *arguments)
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(operator.run_here, "instructions", *arguments).result()
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


async def in_review(database, number=1):
    ledger = Ledger(database, Clock())
    record, _ = await receive(ledger, new_deposit(number))
    for status in ("SENT", "UNKNOWN", "NEEDS_REVIEW"):
        record = await ledger.advance(record, Transition(status, "test"))
    return record


async def test_open_instructions_are_listed_and_shown(box, scratch):
    database, _, url = scratch
    await confirmed_instruction(database, 7)
    record = await in_review(database)

    listed = run(box, url, "list", "--needs-review", here=False)
    shown = run(box, url, "show", str(record.id), here=False)

    assert listed.stdout == f"{record.id}  NEEDS_REVIEW  DEPOSIT  R1/61436  1.50 USD\n"
    assert [line.split()[1] for line in shown.stdout.splitlines()[1:]] == [
        "RECEIVED",
        "SENT",
        "UNKNOWN",
        "NEEDS_REVIEW",
    ]
    [listed] = json.loads(run(box, url, "list", "--json").stdout)
    shown = json.loads(run(box, url, "show", "--json", str(record.id)).stdout)
    assert (listed["id"], listed["amount"], listed["currency"]) == (str(record.id), "1.50", "USD")
    assert listed.items() <= shown.items()
    assert [event["status"] for event in shown["events"]] == ["RECEIVED", "SENT", "UNKNOWN", "NEEDS_REVIEW"]


@pytest.mark.parametrize("name", ["Instruction:{0}", "{0}"])
async def test_an_instruction_is_named_as_the_graph_names_it_or_by_its_uuid(box, scratch, name):
    database, _, url = scratch
    record = await in_review(database)
    named = name.format(record.id)
    identity = base64.urlsafe_b64encode(named.encode()).decode().rstrip("=") if ":" in named else named
    words = ("--as", "REJECTED", "--reason", "x", "--decided-by", "Anna", "--confirmed-by", "Boris")

    shown, resolved = run(box, url, "show", identity), run(box, url, "resolve", identity, *words)

    assert shown.stdout.startswith(f"{record.id}  NEEDS_REVIEW")
    assert resolved.stdout.startswith(f"{record.id}  REJECTED")


@pytest.mark.parametrize("identity", ["4711", "Q2xpZW50OjUwMDYwOA", "SW5zdHJ1Y3Rpb246NDcxMQ", "ö", ""])
def test_what_names_no_instruction_is_refused_with_what_does(box, identity):
    done = CliRunner().invoke(main, ["instructions", "show", identity, "--config", str(box.settings_path)])

    assert done.exit_code == 2
    assert "is neither a UUID nor an id of the graph" in done.stderr


async def test_two_people_decide_what_no_program_can(box, scratch):
    database, _, url = scratch
    record = await in_review(database)
    words = ("--as", "CONFIRMED", "--reference", "4711", "--reason", "ticket in the journal")
    words += ("--decided-by", "Anna", "--confirmed-by", "Boris")

    done = run(box, url, "resolve", str(record.id), *words, here=False)
    again = run(box, url, "resolve", str(record.id), *words)

    assert (done.returncode, "CONFIRMED" in done.stdout, "4711" in done.stdout) == (0, True, True)
    assert again.returncode == 1
    assert "has the status CONFIRMED" in again.stderr
    shown = run(box, url, "show", str(record.id)).stdout
    assert "Anna, confirmed by Boris  ticket in the journal" in shown
    assert run(box, url, "verify").returncode == 0


@pytest.mark.parametrize("other", ["Anna", "anna ", "ANNA"])
async def test_one_person_cannot_be_two(box, scratch, other):
    database, _, url = scratch
    record = await in_review(database)
    words = ("--as", "REJECTED", "--reason", "x", "--decided-by", "Anna", "--confirmed-by", other)

    done = run(box, url, "resolve", str(record.id), *words)

    assert done.returncode == 2
    assert "NEEDS_REVIEW" in run(box, url, "list").stdout


async def test_only_what_needs_review_is_resolved(box, scratch):
    database, _, url = scratch
    record, _ = await receive(Ledger(database, Clock()), new_deposit(1))
    words = ("--as", "REJECTED", "--reason", "x", "--decided-by", "Anna", "--confirmed-by", "Boris")

    done = run(box, url, "resolve", str(record.id), *words)

    assert done.returncode == 1
    assert "has the status RECEIVED" in done.stderr


async def test_verify_names_what_was_tampered_with_and_ends_with_an_error(box, scratch):
    database, connection, url = scratch
    record = await confirmed_instruction(database, 1)
    kept = (await ReconciliationQueue(database).make_checkpoint()).hex()

    fits = run(box, url, "verify", "--checkpoint", kept.upper(), here=False)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("UPDATE brokergraph.instruction_event SET note = 'x' WHERE sequence = 2")
    broken = run(box, url, "verify")

    assert fits.returncode == 0
    assert f"Last checkpoint: {kept}" in fits.stdout
    assert broken.returncode == 1
    assert f"Event 2 of instruction {record.id} does not match its hash" in broken.stderr
