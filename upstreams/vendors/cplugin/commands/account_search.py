"""The search for a new MT4 account: UsersRequest, page by page, because CPlugin has no search [D, C-py].

The reference is in `externalId` and in `comment`. One of the two is enough.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from core.call import Call
from core.commands import NewAccountCommand, NewAccountReceipt
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.commands.new_accounts import Mt4Accounts
from upstreams.vendors.cplugin.envelope import Paging, open_envelope, read_paging
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.history_search import Found, match_one, read_history, search_history

USER_LIST_PATH = "/api/v2/MT4/{tradePlatform}/UsersRequest"
PAGE_USERS = 1000
# A quarter of a million accounts. On a larger server a person decides about a lost account.
MOST_PAGES = 250
# MT4 stores an account's last "interaction", which may be its creation. A much later interaction is a sign-in of the
# client.
CREATION_TAKES = timedelta(minutes=5)


class User(msgspec.Struct):
    login: int
    group: str | None = None
    external_id: str | None = msgspec.field(name="externalId", default=None)
    comment: str | None = None
    registered: str | None = msgspec.field(name="registrationDate", default=None)
    last: str | None = msgspec.field(name="lastDate", default=None)

    def in_use(self, zone: ZoneInfo) -> bool:
        """Whether the client has signed in. The account then has a password, which must not be changed."""
        registered, last = (wire.read_local_stamp(one, zone, strict=True) for one in (self.registered, self.last))
        return registered is not None and last is not None and last - registered > CREATION_TAKES


_Rows = tuple[list[User], list[bytes]]
"""The accounts of a page, and the rows that cannot be read."""


class Mt4AccountHistory:
    """The accounts of one server. `accounts` finishes an account without a password."""

    def __init__(
        self, platform: TradePlatform, zone: ZoneInfo, accounts: Mt4Accounts, absence_counts_after: float
    ) -> None:
        self.absence_counts_after = absence_counts_after
        self._platform = platform
        self._zone = zone
        self._accounts = accounts
        self._failures = platform.connection.authorised.failures

    async def find(self, command: NewAccountCommand, _sent_at: datetime, call: Call) -> NewAccountReceipt | None:
        """Find the account in the whole list, because the list cannot be searched by time."""
        user = await search_history(self._user(command, call), self._failures)
        if user is None:
            return None
        return await self._accounts.resume(str(user.login), command, call, has_password=user.in_use(self._zone))

    async def _user(self, command: NewAccountCommand, call: Call) -> User | None:
        """Read all pages, because a person decides if a command has a second login."""
        users: dict[str, User] = {}
        unread: list[bytes] = []
        async for page, unreadable in self._pages(call):
            users |= {str(user.login): user for user in page if _names(user, command.reference)}
            unread += unreadable
        try:
            found = (_found(user, command) for user in users.values())
            login = match_one(found, command.reference, unread, ["comment", "externalId"])
        except wire.Nonsense as error:
            raise self._failures.unreadable(writes=False, detail=str(error)) from error
        return None if login is None else users[login]

    async def _pages(self, call: Call) -> AsyncIterator[_Rows]:
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            rows, rest = await self._page(cursor, call)
            yield rows
            if not rest.has_more and not rest.next_cursor:
                return
            if not rest.next_cursor or rest.next_cursor == cursor:
                raise self._failures.unreadable(writes=False, detail="more pages, but no token for the next page")
            cursor = rest.next_cursor
        raise self._failures.unavailable("has more accounts than can be searched")

    async def _page(self, cursor: str | None, call: Call) -> tuple[_Rows, Paging]:
        def read(answer: HttpAnswer) -> tuple[_Rows, Paging]:
            rows = read_history(open_envelope(answer, self._failures, writes=False), User)
            return rows, read_paging(answer)

        query = [("limit", str(PAGE_USERS))] + ([("cursor", cursor)] if cursor else [])
        # The read is alone, because a page does not name its number, and an account that is missing in all pages counts
        # as not made.
        return await self._platform.get(USER_LIST_PATH, read, call, query=query, alone=True)


def _names(user: User, reference: str) -> bool:
    return any(reference.casefold() in (text or "").casefold() for text in (user.external_id, user.comment))


def _found(user: User, command: NewAccountCommand) -> Found:
    """One of the two fields is enough, because people in the back office may change the other."""
    kept = command.reference in {(user.external_id or "").strip(), (user.comment or "").strip()}
    reference = command.reference if kept else f"{user.external_id} {user.comment}"
    return Found(reference, str(user.login), user.login > 0 and user.group == command.group)
