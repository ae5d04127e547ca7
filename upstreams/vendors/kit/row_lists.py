"""Lists of rows by login, such as the trades of many accounts in one answer.

A list must be complete, because a missing row changes its sum. An unreadable row is therefore the error of its login. A
row without a readable login may belong to any login and is the error of all.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from core.errors import UpstreamError
from upstreams.http.failures import Failures
from upstreams.vendors.kit.rows import NONSENSE, cut_rows, login_of, read_one, unreadable_row

T = TypeVar("T")
R = TypeVar("R")


class RowsByLogin:
    """The undecoded rows of answers, by login. Only the rows of requested logins are decoded."""

    def __init__(self, pages: Iterable[msgspec.Raw]) -> None:
        self._rows: defaultdict[str, list[msgspec.Raw]] = defaultdict(list)
        self._all_have_logins = True
        for row in (row for page in pages for row in cut_rows(page)):
            login = login_of(row)
            if login is None or not login.isdecimal():
                self._all_have_logins = False
            else:
                self._rows[login].append(row)

    def read(
        self,
        logins: Sequence[str],
        kind: type[T],
        make: Callable[[T], R | None],
        key: Callable[[R], Any],
        failures: Failures,
    ) -> Mapping[str, list[R] | UpstreamError]:
        """The list of each login, in the order of `key`. `make` returns None for a row that does not count. Two rows
        with one key are an error.
        """
        if not self._all_have_logins:
            return dict.fromkeys(logins, unreadable_row("no login", failures))
        return {login: self._list(login, kind, make, key, failures) for login in logins}

    def require_asked(self, asked: Sequence[str], failures: Failures) -> None:
        """Raise Misunderstood if the answer has a row of another account."""
        if not self._rows.keys() <= set(asked):
            raise failures.unreadable(writes=False, detail="an unrequested row")

    def _list(
        self,
        login: str,
        kind: type[T],
        make: Callable[[T], R | None],
        key: Callable[[R], Any],
        failures: Failures,
    ) -> list[R] | UpstreamError:
        try:
            made = [read_one(row, kind, make) for row in self._rows.get(login, ())]
        except NONSENSE as error:
            return unreadable_row(type(error).__name__, failures)
        found = {key(one): one for one in made if one is not None}
        if len(found) < sum(one is not None for one in made):
            return unreadable_row("a row twice", failures)
        return [found[one] for one in sorted(found)]
