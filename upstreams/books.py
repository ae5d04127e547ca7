"""The check of the trading servers' books: whether each balance is the sum of its operations and closed trades."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.call import Call
from core.errors import UpstreamError
from core.visibility import EVERYTHING
from upstreams.erp.reader import Erp
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.kit.trade_ports import BooksCheck


@dataclass(slots=True)
class ServerBooks:
    """The books of one server. `error` says why some accounts, or all, were not checked."""

    server: str
    accounts: int = 0
    differences: dict[str, Decimal] = field(default_factory=dict)
    error: UpstreamError | None = None


async def check_books(
    erp: Erp, platforms: Mapping[str, Platform], new_call: Callable[[], Call]
) -> AsyncIterator[ServerBooks]:
    """The books of each server whose vendor can check them, for all accounts that the ERP knows."""
    for name, platform in sorted(platforms.items()):
        if platform.books_check is not None:
            yield await _check_server(erp, name, platform.books_check, new_call)


async def _check_server(erp: Erp, server: str, port: BooksCheck, new_call: Callable[[], Call]) -> ServerBooks:
    books = ServerBooks(server)
    last = ""
    try:
        while logins := await erp.logins_of(server, last, port.batch_max, EVERYTHING, new_call()):
            last = logins[-1]
            found = await port.differences(logins, new_call())
            books.accounts += len(logins)
            for login, difference in found.items():
                if isinstance(difference, UpstreamError):
                    books.error = difference
                else:
                    books.differences[login] = difference
    except UpstreamError as error:
        books.error = error
    return books
