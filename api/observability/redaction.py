"""The last step of a log line: secrets, e-mail addresses and phone numbers are removed.

The first protection is the types: credentials are `Secret` (core/secret.py), and records leave them out of their repr.
Redaction is the second protection, for texts from outside: exceptions of libraries, messages of a database, texts of
callers.
"""

import functools
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

from core.addresses import find_passwords
from core.secret import Secret

GONE: Final = "[redacted]"
_SHORTEST_KNOWN: Final = 6
_DEEPEST: Final = 12
_LONGEST: Final = 20_000

_NAMES: Final = (
    r"api[_-]?password|initial[_-]?password|password|passwd|pwd|secret|client[_-]?secret|access[_-]?token"
    r"|refresh[_-]?token|id[_-]?token|token|api[_-]?key|authorization|cookie|set-cookie|signature|sign|x-sign"
    r"|e-?mail|phone|mobile|private[_-]?key"
)
_NAMED: Final = re.compile(rf"(?:.*[_-])?(?:{_NAMES})", re.IGNORECASE)

_PATTERNS: Final = re.compile(
    "|".join((
        # A scheme and its credential, as in an Authorization header.
        r"(?P<scheme>\b(?i:bearer|basic|digest)\s+)(?!\[redacted\])[A-Za-z0-9._~+/=-]{4,}",
        # The id of our own API key stays visible, so that the key can be revoked.
        r"(?P<key>\bbg_[a-z0-9-]{1,40}_)[A-Za-z0-9_-]{16,}",
        r"\bwhsec_[A-Za-z0-9+/]{16,}=*",
        r"\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){1,4}",
        r"(?P<user>://)[^/\s@'\"]*@",
        # name=value, name: value, "name": "value"
        (
            rf"(?P<named>(?<![A-Za-z0-9])(?i:{_NAMES})(?![A-Za-z0-9])[\"']?\s*[:=]\s*(?:[bu]?[\"'])?)"
            r"(?![\s\"']|\[redacted\]|Secret\(|None\b|null\b)(?:(?i:bearer|basic|digest)\s+)?[^\s\"',;)}\]&]+"
        ),
        r"(?<![A-Za-z0-9._%+'-])[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        r"(?<![\w+])\+[1-9](?:[\s().-]{0,3}\d){7,14}(?!\d)",
    )),
)  # fmt: skip

# Without one of these marks, and without white space between words, no pattern can match. Most texts are names and
# numbers without them. To look for each mark alone costs a fraction of a search for alternatives.
_MARKS: Final = ("@", "+", "=", ":", "eyJ", "bg_")
_NUMBERS: Final = (int, float)
# Values that the log chain itself adds.
_OURS: Final = frozenset({"timestamp", "level"})
_PLAIN: Final = frozenset({int, float, bool, type(None)})


@functools.lru_cache(maxsize=1024)
def _is_telling(name: str) -> bool:
    return _NAMED.fullmatch(name) is not None


@functools.lru_cache(maxsize=1024)
def _tells(names: tuple[str, ...]) -> bool:
    return any(map(_is_telling, names))


def _plain_texts(event: Mapping[str, Any]) -> list[str] | None:
    """The texts of a line that has only texts, numbers and counts by name, under names that are not names of secrets.
    Most lines are such lines. None for another line.
    """
    if _tells(tuple(event)):
        return None
    texts: list[str] = []
    for name, value in event.items():
        kind = value.__class__
        if kind is str:
            if name not in _OURS:
                texts.append(value)
        elif kind is dict:
            if not _are_counts(value):
                return None
            texts += value
        elif kind not in _PLAIN:
            return None
    return texts


def _are_counts(value: Mapping[Any, Any]) -> bool:
    return (
        _PLAIN.issuperset(map(type, value.values())) and {str}.issuperset(map(type, value)) and not _tells(tuple(value))
    )


class Redaction:
    """A structlog processor that redacts lines. `known` are credentials that are removed at any place of a line."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        texts = sorted({text for text in known if len(text) >= _SHORTEST_KNOWN}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, texts))) if texts else None
        self._marks = (*_MARKS, *texts)

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        texts = _plain_texts(event)
        if texts is not None and self._is_harmless("\0".join(texts)):
            return event
        return {name: value if name in _OURS else self.value(value, name) for name, value in event.items()}

    def _is_harmless(self, text: str) -> bool:
        return len(text) <= _LONGEST and len(text.split(None, 1)) <= 1 and not any(map(text.__contains__, self._marks))

    def text(self, text: str) -> str:
        """The text without secrets and personal data, truncated to a readable length."""
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}... ({len(text) - _LONGEST} characters more)"
        if self._is_harmless(text):
            return text
        if self._known is not None:
            text = self._known.sub(GONE, text)
        return _PATTERNS.sub(_replaced, text)

    def value(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """The value for the log. A value that is not plain data becomes its redacted repr."""
        if value is None or isinstance(value, _NUMBERS):
            return value
        if depth >= _DEEPEST or (value and _is_telling(name)):
            return GONE
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(one, str(key), depth + 1) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(one, "", depth + 1) for one in value]
        return self.text(repr(value))


def _replaced(found: re.Match[str]) -> str:
    prefix = found["scheme"] or found["key"] or found["user"] or found["named"] or ""
    return f"{prefix}{GONE}{'@' if found['user'] else ''}"


def known_secrets(settings: msgspec.Struct) -> set[str]:
    """Every credential of the settings, and the passwords in addresses."""
    found: set[str] = set()
    for value in _values(settings):
        text = value.reveal()
        if "://" not in text:
            found.add(text)
        else:
            found |= find_passwords(text)
    return found


def _values(tree: Any) -> Iterable[Secret]:
    if isinstance(tree, Secret):
        yield tree
    elif isinstance(tree, msgspec.Struct):
        for name in tree.__struct_fields__:
            yield from _values(getattr(tree, name))
    elif isinstance(tree, Mapping):
        for one in tree.values():
            yield from _values(one)
