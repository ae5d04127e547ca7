"""Node ids: base64url of `Type:key`, permanent; and cursors: base64url of a list kind and its key."""

import base64
import binascii
import re
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from core.records import AccountKey
from resolvers.policy.errors import BadUserInput

MAX_INT = 2**31 - 1
_MAX_BIGINT = 2**63 - 1
_LONGEST = 512
_CLIENT_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
T = TypeVar("T")


def encode_id(type_name: str, key: str) -> str:
    return _encode(f"{type_name}:{key}".encode())


def decode_id(identity: str) -> tuple[str, str]:
    """The type and key of a node id. Raises BadUserInput for what was never an id of ours."""
    text = _decode(identity)
    type_name, colon, key = text.decode("utf-8", "replace").partition(":") if text else ("", "", "")
    if not colon or encode_id(type_name, key) != identity:
        raise BadUserInput(f"{_shown(identity)} is not an id of this graph.")
    return type_name, key


def key_of(identity: str, type_name: str) -> str:
    """The key in an id of that very type."""
    found, key = decode_id(identity)
    if found != type_name:
        raise BadUserInput(f"{_shown(identity)} is the id of a {found}, not of a {type_name}.")
    return key


def client_number(key: str) -> int:
    if not _CLIENT_NUMBER.fullmatch(key) or int(key) > MAX_INT:
        raise BadUserInput("The id does not name a client.")
    return int(key)


def account_key(key: str) -> AccountKey:
    server, slash, login = key.partition("/")
    if not (server and slash and login):
        raise BadUserInput("The id does not name a trading account.")
    return AccountKey(server, login)


def instruction_id(key: str) -> UUID:
    try:
        found = UUID(key)
    except ValueError:
        found = None
    if found is None or str(found) != key:
        raise BadUserInput("The id does not name an instruction.")
    return found


_parts = msgspec.json.Decoder(list[int | str])


def encode_cursor(kind: str, *key: int | str) -> str:
    return _encode(msgspec.json.encode([kind, *key]))


def decode_cursor(cursor: str, kind: str, types: tuple[type, ...]) -> tuple[Any, ...]:
    """The key in a cursor of that kind of list. Raises BadUserInput for any other text."""
    text = _decode(cursor)
    try:
        found_kind, *key = _parts.decode(text or b"null")
    except (msgspec.DecodeError, ValueError):
        found_kind, key = "", []
    is_ours = found_kind == kind and [type(part) for part in key] == list(types) and all(map(_is_key, key))
    if not is_ours or encode_cursor(kind, *key) != cursor:
        raise BadUserInput(f"{_shown(cursor)} is not a cursor of this list; take one from its pageInfo or edges.")
    return tuple(key)


def _is_key(part: int | str) -> bool:
    """Whether the database could hold it."""
    return "\x00" not in part if isinstance(part, str) else abs(part) <= _MAX_BIGINT


def _encode(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # No key of ours holds a null character, and no database would take it.
    return None if b"\x00" in decoded else decoded


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")  # noqa: PLR2004 - enough to be recognised.
