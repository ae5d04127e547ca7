"""The booking of a balance operation on a platform, for every vendor's API."""

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
