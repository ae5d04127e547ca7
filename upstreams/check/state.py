"""Checks that the schema `brokergraph` exists and has the migrations of this version."""

from collections.abc import Container, Sequence

from core.call import Call
from core.errors import UpstreamError
from upstreams.check.findings import CORRECT, Finding, Findings, describe_database_error, note, ok, wrong
from upstreams.postgres.database import Database
from upstreams.postgres.migrate import migrations, missing
from upstreams.postgres.sql import read_statements

sql = read_statements("check/check.sql")
_APPLIED = read_statements("postgres/migrate.sql").applied
_NO_HISTORY = (
    "has no history that could be searched, so every {kind} in doubt needs review, "
    "and an account takes one open {kind} at a time"
)
_MIGRATE = "Run `brokergraph migrate`."


async def check_state(
    database: Database, subject: str, money: Sequence[tuple[str, str]], without_history: Container[str], call: Call
) -> Findings:
    """`subject` is the setting that names the database, `money` the servers that take deposits or withdrawals, with
    "deposit" or "withdrawal". `without_history` are those of them without a history that could be searched.
    """
    try:
        lacking = await database.transact(missing, seconds=call.deadline.remaining())
        applied = {} if lacking else {row[0]: row[1] for row in await database.read(_APPLIED, call=call)}
    except UpstreamError as error:
        yield wrong(subject, describe_database_error(error, database.config.url), CORRECT)
        return
    yield ok(subject, "reachable")
    known = {migration.name: migration.checksum for migration in migrations()}
    changed = [name for name, checksum in applied.items() if known.get(name, checksum) != checksum]
    for name in lacking:
        yield wrong("schema brokergraph", f"migration {name} is missing", _MIGRATE)
    for name in changed:
        yield wrong(
            "schema brokergraph", f"migration {name} was applied with another text", "Run the version that applied it."
        )
    for name in applied.keys() - known.keys():
        yield note("schema brokergraph", f"has {name}, which only a newer brokergraph knows")
    if not lacking and not changed:
        yield ok("schema brokergraph", f"{len(known)} migrations")
        proven = {tuple(row) for row in await database.read(sql.proven_histories, call=call)}
        for server, kind in money:
            if server in without_history:
                yield note(
                    f"servers.{server}",
                    _NO_HISTORY.format(kind=kind),
                    "docs/deposits.md says what each vendor's API can search.",
                )
            else:
                yield _history(server, kind, proven=(server, kind) in proven)


def _history(server: str, kind: str, *, proven: bool) -> Finding:
    """Absence from a history proves something only if this history has shown one of our bookings."""
    if proven:
        return ok(f"servers.{server}", f"its history has shown one of our {kind}s")
    return note(
        f"servers.{server}",
        f"its history has not shown one of our {kind}s yet, so a doubtful {kind} that it does not show needs review",
        f"Nothing to do: the history is proven by the first doubtful {kind} that it shows.",
    )
