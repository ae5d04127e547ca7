"""The login counters of the servers. No login is assigned twice, even to concurrent callers."""

from sandbox.vendors.state import Connection

# The counter is read and changed under this lock, so that accounts of one server are made one after another.
_LOCK = "SELECT FROM platform.server WHERE name = $1 FOR UPDATE"
# The next login. Numbers that callers have chosen themselves are skipped.
_NEXT = """
    UPDATE platform.server SET next_login = free.login + 1
    FROM (SELECT s.next_login + gap AS login FROM platform.server s, generate_series(0, 1000) AS gap
          WHERE s.name = $1 AND NOT EXISTS
              (SELECT FROM platform.account a WHERE a.server = $1 AND a.login = s.next_login + gap)
          ORDER BY gap LIMIT 1) AS free
    WHERE name = $1 RETURNING free.login
"""


async def next_login(connection: Connection, server: str) -> int:
    """Take the next login, in the transaction that makes the account."""
    await connection.execute(_LOCK, server)
    login: int = await connection.fetchval(_NEXT, server)
    return login
