"""Content negotiation: which media type and which coding a client likes best (RFC 9110, section 12.5)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeVar

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"
HTML: Final = "text/html"
# Longer headers are cut: no client has so many preferences, and each costs time.
_LONGEST: Final = 1024
_MOST: Final = 64
# A comma inside a quoted parameter separates nothing; a quote that is never closed is a character like others.
_ELEMENT: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])+')
_PARAMETER: Final = re.compile(r';\s*([!#$%&\'*+.^_`|~\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*)')
_QUALITY: Final = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\Z", re.ASCII)
_UTF8: Final = frozenset({"utf-8", "utf8"})
# Clients repeat the same few headers. Headers that callers invent take no more memory than this.
_MOST_CACHED: Final = 128
_LONGEST_CACHED: Final = 256

T = TypeVar("T")


def cached_decision(decide: Callable[[str], T]) -> Callable[[str], T]:
    """The same, decided once for each of the headers that came last."""
    cached = lru_cache(_MOST_CACHED)(decide)
    return lambda header: cached(header) if len(header) <= _LONGEST_CACHED else decide(header)


@dataclass(frozen=True, slots=True)
class Preference:
    """One element of an Accept or Accept-Encoding header; `quality` 0 means "not this"."""

    name: str
    quality: float
    parameters: Mapping[str, str] = field(default_factory=dict)


def preferences(header: str) -> list[Preference]:
    """What the header asks for; several of one name are joined by commas. What cannot be read is passed over."""
    found = (_wish(element) for element in _ELEMENT.findall(header[:_LONGEST])[:_MOST])
    return [wish for wish in found if wish is not None]


def _wish(element: str) -> Preference | None:
    name = element.partition(";")[0].strip().lower()
    if not name or any(character.isspace() for character in name):
        return None
    parameters = {key.lower(): value.strip('"').lower() for key, value in _PARAMETER.findall(element)}
    quality = parameters.pop("q", "1")
    return Preference(name, float(quality), parameters) if _QUALITY.match(quality) else None


def media_quality(wishes: list[Preference], media_type: str) -> float:
    """How much a media type (in UTF-8) is liked: by the most specific wish that fits; 0 where none does."""
    best, specificity = 0.0, -1
    for wish in wishes:
        found = _specificity(wish, media_type)
        if found > specificity or (found == specificity >= 0 and wish.quality > best):
            best, specificity = wish.quality, found
    return best


def _specificity(wish: Preference, media_type: str) -> int:
    if wish.parameters.get("charset", "utf-8") not in _UTF8:
        return -1
    ranges = ("*/*", f"{media_type.partition('/')[0]}/*", media_type)
    return ranges.index(wish.name) if wish.name in ranges else -1


@cached_decision
def response_type(accept: str) -> str | None:
    """The media type to answer in; None where the client takes neither. Without a word of it: application/json.

    A client that names application/graphql-response+json gets it, unless it prefers another type. A client that takes
    any type may not know this one.
    """
    wishes = preferences(accept)
    if not wishes:
        return JSON
    plain, graphql = media_quality(wishes, JSON), media_quality(wishes, GRAPHQL_JSON)
    if graphql > plain or (graphql == plain > 0 and any(wish.name == GRAPHQL_JSON for wish in wishes)):
        return GRAPHQL_JSON
    return JSON if plain > 0 else None


@cached_decision
def prefers_page(accept: str) -> bool:
    """Whether this is a browser that opens the address: it names HTML and likes JSON no better."""
    wishes = preferences(accept)
    if not any(wish.name == HTML for wish in wishes):
        return False
    page = media_quality(wishes, HTML)
    return page > 0 and page >= max(media_quality(wishes, JSON), media_quality(wishes, GRAPHQL_JSON))


@cached_decision
def coding(accept_encoding: str) -> str | None:
    """Either of "br" and "gzip": whichever is liked better and br where both are alike; None for neither."""
    wishes = preferences(accept_encoding)
    quality = {wish.name: wish.quality for wish in reversed(wishes)}
    any_other = quality.get("*", 0.0)
    gzip = quality.get("gzip", quality.get("x-gzip", any_other))
    brotli = quality.get("br", any_other)
    best = max(gzip, brotli)
    # Where no coding at all is liked better than ours, ours would be against the client's wish.
    if best <= 0 or quality.get("identity", 0.0) > best:
        return None
    return "br" if brotli == best else "gzip"
