"""Checks the trading servers' books, which costs one billed call per batch of accounts. Only on request."""

from collections.abc import Callable

from core.call import Call
from core.clock import Clock
from core.money import format_amount
from upstreams.books import check_books
from upstreams.check.findings import Findings, describe_error, ok, wrong
from upstreams.erp.reader import Erp
from upstreams.flow.coalescing import Sharing
from upstreams.open import UpstreamsConfig, open_upstreams
from upstreams.postgres.database import Database
from upstreams.vendors.kit.token_store import TokenStore

_REMEDY = "Compare the account's history on the server. Correct the balance there."


async def check_all_books(
    config: UpstreamsConfig,
    database: Database,
    clock: Clock,
    token_stores: Callable[[str], TokenStore],
    new_call: Callable[[], Call],
) -> Findings:
    """`config` has only connections and servers that can be opened."""
    erp = Erp(database, Sharing(0, 1))
    async with open_upstreams(config, clock, token_stores) as upstreams:
        async for books in check_books(erp, upstreams.servers, new_call):
            subject = f"servers.{books.server} (books)"
            for login, difference in books.differences.items():
                yield wrong(subject, f"the balance of {login} differs by {format_amount(difference)}", _REMEDY)
            if books.error is not None:
                yield wrong(subject, describe_error(books.error), "May these credentials call AdmBalanceCheck?")
            elif not books.differences:
                yield ok(subject, f"no difference on {books.accounts} accounts")
