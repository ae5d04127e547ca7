"""A platform's balance operations and days, for every vendor's API."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from sandbox.vendors.state import Connection

MAX_COMMENT_BYTES: Final = 31

# The next ticket. The row is locked until the operation is committed, so that no ticket is used twice.
_TICKET = "UPDATE platform.server SET next_ticket = next_ticket + 1 WHERE name = $1 RETURNING next_ticket - 1"
# The account's new figures.
_BOOK = """
    UPDATE platform.account SET balance = balance + CASE WHEN $3 = 'Balance' THEN $4::numeric ELSE 0 END,
        credit = credit + CASE WHEN $3 = 'Credit' THEN $4::numeric ELSE 0 END
    WHERE server = $1 AND login = $2
"""
# The operation itself.
_DEAL = """
    INSERT INTO platform.deal (server, ticket, login, command, amount, comment, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

# The working days of accounts. A balance is the present balance less what came later.
DAYS = """
    SELECT a.login, a.group_name, d.day::date AS day, a.credit, a.floating, a.margin,
           a.balance - o.later - c.later AS balance, o.today AS deposit, c.today AS profit_closed
    FROM platform.account a
    JOIN generate_series($3::timestamp, $4::timestamp, '1 day') AS d (day)
        ON extract(isodow FROM d.day) < 6 AND d.day >= a.registered_local::date
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(t.amount) FILTER (WHERE (t.at AT TIME ZONE $5)::date = d.day), 0) AS today,
               coalesce(sum(t.amount) FILTER (WHERE (t.at AT TIME ZONE $5)::date > d.day), 0) AS later
        FROM platform.deal t WHERE t.server = a.server AND t.login = a.login AND t.command = 'Balance') o
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(t.profit + t.swap + t.commission) FILTER (WHERE t.closed_local::date = d.day), 0) AS today,
               coalesce(sum(t.profit + t.swap + t.commission) FILTER (WHERE t.closed_local::date > d.day), 0) AS later
        FROM platform.closed_trade t WHERE t.server = a.server AND t.login = a.login) c
    WHERE a.server = $1 AND a.login = ANY($2::bigint[]) ORDER BY md5(a.login::text), d.day
"""


def cut(comment: str) -> str:
    """The comment that MT4 keeps: 31 bytes. MT4 drops the rest silently [C, public headers]."""
    return comment.encode()[:MAX_COMMENT_BYTES].decode("utf-8", "ignore")


async def book(  # noqa: PLR0913, PLR0917 - a deal has these columns
    connection: Connection, server: str, login: int, command: str, amount: Decimal, comment: str, at: datetime
) -> int:
    """Book the operation in the caller's transaction. Returns the ticket."""
    await connection.execute(_BOOK, server, login, command, amount)
    ticket: int = await connection.fetchval(_TICKET, server)
    await connection.execute(_DEAL, server, ticket, login, command, amount, comment, at)
    return ticket
