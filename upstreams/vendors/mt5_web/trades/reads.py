"""Reads of lists of many accounts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from core.call import Call
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.history_search import WINDOW
from upstreams.vendors.kit.row_lists import RowsByLogin
from upstreams.vendors.mt5_web.connection import Mt5WebConnection
from upstreams.vendors.mt5_web.retcodes import HEADERS, open_list
from upstreams.vendors.mt5_web.server_time import ServerTime

# A deal has some 800 bytes.
ANSWER_MAX_BYTES: Final = 64 * 1024 * 1024

Stamps = tuple[int, int]
"""A window in the server's own stamps."""


class ListReads:
    """The reads of one server.

    Because they decide about no command, they use the open sessions. A read is repeated once after a lost session.
    """

    def __init__(self, name: str, connection: Mt5WebConnection, time: ServerTime) -> None:
        self._name = name
        self._link = connection.reads
        self._time = time
        self._chunk = connection.config.chunk_logins
        self._failures = connection.reads.failures

    async def _rows(self, path: str, logins: Sequence[str], call: Call, window: Stamps | None = None) -> RowsByLogin:
        """The rows of the logins, in no order. A login without rows has none, or is unknown [I].

        An answer that the server calls a part is an error, because the lists must be complete.
        """

        def read(answer: HttpAnswer) -> RowsByLogin:
            data, partial = open_list(answer, self._failures)
            if partial is not None:
                raise partial
            rows = RowsByLogin([data])
            rows.require_asked(logins, self._failures)
            return rows

        query = [("login", ",".join(logins))]
        if window is not None:
            query += zip(("from", "to"), map(str, window), strict=True)
        request = HttpRequest(
            "GET",
            path,
            query=query,
            headers=HEADERS,
            lane=self._name,
            keys=len(logins),
            max_answer_bytes=ANSWER_MAX_BYTES,
        )
        return await self._link.read(request, read, call)


def stamps_around(start: datetime, end: datetime, offset: timedelta) -> Stamps:
    """The window with a day more on either side, because the offset may have been another one then."""
    return max(0, int((start + offset - WINDOW).timestamp())), int((end + offset + WINDOW).timestamp())
