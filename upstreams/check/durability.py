"""Does the state database keep each stored instruction, after a crash and after a fail-over?"""

from core.call import Call
from core.errors import UpstreamError
from upstreams.check.findings import Findings, note, wrong
from upstreams.postgres.database import Database
from upstreams.postgres.diagnosis import hosts_of
from upstreams.postgres.sql import read_statements

_sql = read_statements("check/check.sql")
_PAGE = "docs/operations.md (A fail-over of the primary) says how."


async def check_durability(database: Database, subject: str, call: Call) -> Findings:
    """`subject` is the setting that names the database. Says nothing about a database that was not reached."""
    try:
        [row] = await database.read(_sql.durability, call=call)
    except UpstreamError:
        return
    commit, standbys = row["commit"], row["standbys"]
    if commit == "off":
        remedy = "Set synchronous_commit = on for the role."
        yield wrong(subject, "synchronous_commit is off, so that a crash may lose stored instructions", remedy)
    elif "," in hosts_of(database.config.url) and (not standbys or commit == "local"):
        what = "has several hosts and no synchronous standby, so that a fail-over may lose stored instructions"
        yield note(subject, what, f"Set synchronous_standby_names. {_PAGE}")
