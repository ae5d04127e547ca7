"""Conditions that need a column which the ERP's view `client` may lack: `search`, and others of ClientFilter."""

import re
from collections.abc import Iterator

from resolvers.context import Context
from resolvers.fields.connections import given
from resolvers.fields.ids import MAX_INT
from resolvers.policy.errors import BadUserInput
from upstreams.erp.reader import AccountQuery, ClientQuery, Condition

_LONGEST_SEARCH = 200
_MOST_WORDS = 10
_PHONE = re.compile(r"[+0-9() ./-]*[0-9][+0-9() ./-]*", re.ASCII)


def searched(rows: str, text: str | None) -> Iterator[Condition]:
    """The condition for a search in "clients" or "accounts"; none for a blank text. Raises BadUserInput for a text that
    is too long or has too many words.
    """
    text = (given(text) or "").strip()
    if len(text) > _LONGEST_SEARCH:
        raise BadUserInput(f"search must be at most {_LONGEST_SEARCH} characters; got {len(text)}.")
    if not text:
        return
    # A phone number is found by its digits, whatever signs are between them.
    words = (_digits_of(text),) if _PHONE.fullmatch(text) else tuple(dict.fromkeys(text.split()))
    if len(words) > _MOST_WORDS:
        raise BadUserInput(f"search must be at most {_MOST_WORDS} words; got {len(words)}.")
    is_number = text.isascii() and text.isdigit() and int(text) <= MAX_INT
    yield Condition(f"{rows}_search", "search", (words, int(text) if is_number else None, text))


def phone_begins(text: str) -> Condition:
    """The condition for the beginning of a phone number. Raises BadUserInput for a text without digits."""
    if not _PHONE.fullmatch(text):
        raise BadUserInput("phone must have digits, and only signs of phone numbers between them.")
    return Condition("clients_phone", "phone", (f"{_digits_of(text)}%",))


def _digits_of(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


async def check_columns(query: ClientQuery | AccountQuery, context: Context) -> None:
    """Raise BadUserInput with the column that the query needs and the ERP's view lacks."""
    if query.optional and (column := await context.services.upstreams.lists.lacked_column(query, context.call)):
        raise BadUserInput(f"This filter needs the column {column} of the ERP's view client, which the view lacks.")
