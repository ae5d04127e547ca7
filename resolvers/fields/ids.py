"""Node ids and cursors. A node id is base64url of `Type:key` and permanent. A cursor is base64url of a kind of list and
the key of a row.

The Python code and the SQL code of a format are both made from one definition.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
import strawberry

from core.records import AccountKey
from resolvers.fields.rendering import Json, sql
from resolvers.policy.errors import BadUserInput

MAX_INT = 2**31 - 1
_MAX_BIGINT = 2**63 - 1
_LONGEST = 512
# An index of PostgreSQL has no longer values, so that no list is sorted by longer ones.
_LONGEST_CURSOR = 4096
_CLIENT_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
T = TypeVar("T")


class _Format:
    """A text with names in braces. A name is both an attribute of a record and a column of its row."""

    def __init__(self, text: str) -> None:
        self._pieces = re.split(r"\{(\w+)\}", text)
        self.names = tuple(self._pieces[1::2])
        self._template = "{}".join(self._pieces[::2])

    def text(self, values: Iterable[object]) -> str:
        return _encode(self._template.format(*values))

    def sql(self, values: Iterable[str]) -> Json:
        pieces = self._pieces.copy()
        pieces[1::2] = values
        return sql.base64url(pieces)

    def values(self, record: object) -> list[Any]:
        return [getattr(record, name) for name in self.names]


class NodeId(Generic[T]):
    """The ids of a type. `parse` converts the key in an id to the key of a look-up, or raises BadUserInput."""

    def __init__(self, text: str, parse: Callable[[str], T]) -> None:
        self.type_name = text.partition(":")[0]
        self.parse = parse
        self._format = _Format(text)
        self.names = self._format.names

    def of(self, record: object) -> strawberry.ID:
        return strawberry.ID(self._format.text(self._format.values(record)))

    def encode(self, *key: object) -> str:
        return self._format.text(key)

    def sql(self, *columns: str) -> Json:
        return self._format.sql(map(sql.plain, columns))

    def key(self, identity: str) -> T:
        """The key in an id of this type."""
        found, key = decode_id(identity)
        if found != self.type_name:
            raise BadUserInput(f"{_shown(identity)} is the id of a {found}, not of a {self.type_name}.")
        return self.parse(key)


def decode_id(identity: str) -> tuple[str, str]:
    """The type and key of a node id. Raises BadUserInput for a text that is not an id of the graph."""
    text = _decode(identity)
    type_name, colon, key = text.decode("utf-8", "replace").partition(":") if text else ("", "", "")
    if not colon or _encode(f"{type_name}:{key}") != identity:
        raise BadUserInput(f"{_shown(identity)} is not an id of this graph.")
    return type_name, key


def _client_number(key: str) -> int:
    if not _CLIENT_NUMBER.fullmatch(key) or int(key) > MAX_INT:
        raise BadUserInput("The id does not name a client.")
    return int(key)


def _account_key(key: str) -> AccountKey:
    server, slash, login = key.partition("/")
    if not (server and slash and login):
        raise BadUserInput("The id does not name a trading account.")
    return AccountKey(server, login)


def _instruction_id(key: str) -> UUID:
    try:
        found = UUID(key)
    except ValueError:
        found = None
    if found is None or str(found) != key:
        raise BadUserInput("The id does not name an instruction.")
    return found


CLIENT_ID: Final = NodeId("Client:{client_number}", _client_number)
ACCOUNT_ID: Final = NodeId("TradingAccount:{server}/{login}", _account_key)
INSTRUCTION_ID: Final = NodeId("Instruction:{id}", _instruction_id)

_parts = msgspec.json.Decoder(list[int | str | None])


class Cursor:
    """The cursors of a kind of list. `types` are the types of the values in a cursor: int, str or str | None. `begins`
    tells whether a text may be the first value.
    """

    def __init__(self, text: str, *types: Any, begins: Callable[[str], object] = lambda _text: True) -> None:
        self._format = _Format(text)
        self._kind = text.split('"')[1]
        self._types = list(types)
        self._begins = begins
        self.names = self._format.names

    def of(self, record: object) -> str:
        return self.encode(*self._format.values(record))

    def encode(self, *key: int | str | None) -> str:
        return self._format.text(msgspec.json.encode(part).decode() for part in key)

    def sql(self, *columns: str) -> Json:
        named = zip(columns, self._types, strict=True)
        return self._format.sql(sql.text_of(column) if type_ is str else sql.plain(column) for column, type_ in named)

    def decode(self, cursor: str) -> tuple[Any, ...]:
        """The key in a cursor of this kind of list. Raises BadUserInput for any other text."""
        text = _decode(cursor, _LONGEST_CURSOR)
        try:
            kind, *key = _parts.decode(text or b"null")
        except (msgspec.DecodeError, ValueError):
            kind, key = "", []
        is_ours = kind == self._kind and len(key) == len(self._types) and all(map(isinstance, key, self._types))
        is_ours = is_ours and all(map(_is_key, key)) and (not isinstance(key[0], str) or bool(self._begins(key[0])))
        if not is_ours or self.encode(*key) != cursor:
            raise BadUserInput(f"{_shown(cursor)} is not a cursor of this list; take one from its pageInfo or edges.")
        return tuple(key)


CLIENTS: Final = Cursor('["clients",{client_number}]', int)
ACCOUNTS: Final = Cursor('["accounts",{server},{login}]', str, str)
INSTRUCTIONS: Final = Cursor('["instructions",{number}]', int)
TRADES: Final = Cursor('["trades",{closed_at},{ticket}]', int, str)


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return text in {"infinity", "-infinity"}


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _accounts_by(column: str, begins: Callable[[str], object]) -> Cursor:
    """The cursors of accounts that are sorted by a column of the view."""
    return Cursor(f'["accounts.{column}",{{key}},{{server}},{{login}}]', str | None, str, str, begins=begins)


_IS_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?|NaN|-?Infinity", re.ASCII).fullmatch
CLIENTS_BY_NAME: Final = Cursor('["clients.full_name",{key},{client_number}]', str | None, int)
# The middle part names the snapshot; null for an order at current rates.
CLIENTS_BY_TOTAL: Final = Cursor(
    '["clients.total",{key},{rebuild},{client_number}]', str | None, int | None, int, begins=_IS_NUMBER
)
ACCOUNTS_BY_BALANCE: Final = _accounts_by("balance", _IS_NUMBER)
ACCOUNTS_BY_EQUITY: Final = _accounts_by("equity", _IS_NUMBER)
ACCOUNTS_BY_SYNCED_AT: Final = _accounts_by("synced_at", _is_instant)
INSTRUCTION_EVENTS: Final = Cursor('["instruction.events",{epoch},{seq}]', str, int, begins=_is_uuid)
INSTRUCTIONS_BY_TIME: Final = Cursor('["instructions.created_at",{created_at},{number}]', str, int, begins=_is_instant)


def _is_key(part: int | str | None) -> bool:
    """Whether the database can store the value."""
    return "\x00" not in part if isinstance(part, str) else abs(part or 0) <= _MAX_BIGINT


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _decode(text: str, longest: int = _LONGEST) -> bytes | None:
    if len(text) > longest or not text.isascii():
        return None
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # No key has a null character, and PostgreSQL accepts none.
    return None if b"\x00" in decoded else decoded


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")  # noqa: PLR2004 - enough to be recognised.
