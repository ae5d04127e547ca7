"""Content negotiation: the media type and the coding that a client prefers (RFC 9110, section 12.5)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeVar

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"
HTML: Final = "text/html"
EVENT_STREAM: Final = "text/event-stream"
# Longer headers are truncated, because no client has so many preferences, and each costs time.
_LONGEST: Final = 1024
_MOST: Final = 64
# A comma inside a quoted parameter is not a separator. A quote that is not closed is an ordinary character.
_ELEMENT: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])+')
_PARAMETER: Final = re.compile(r';\s*([!#$%&\'*+.^_`|~\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*)')
_QUALITY: Final = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\Z", re.ASCII)
_UTF8: Final = frozenset({"utf-8", "utf8"})
# Clients repeat the same few headers. This bounds the memory for invented headers.
_MOST_CACHED: Final = 128
_LONGEST_CACHED: Final = 256

T = TypeVar("T")


def cached_decision(decide: Callable[[str], T]) -> Callable[[str], T]:
    """A cache over the function, for the most recent headers."""
    cached = lru_cache(_MOST_CACHED)(decide)
    return lambda header: cached(header) if len(header) <= _LONGEST_CACHED else decide(header)


@dataclass(frozen=True, slots=True)
class Preference:
    """One element of an Accept or Accept-Encoding header; `quality` 0 means "not this"."""

    name: str
    quality: float
    parameters: Mapping[str, str] = field(default_factory=dict)


def preferences(header: str) -> list[Preference]:
    """The elements of the header. Several headers of one name are joined by commas. Unreadable elements are ignored."""
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
    """The quality of a media type (in UTF-8), by the most specific matching element; 0 if no element matches."""
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
    """The media type of the answer; None if the client accepts neither; application/json without an Accept header.

    A client that names application/graphql-response+json gets it, unless it prefers another type. A client that accepts
    any type may not support it.
    """
    wishes = preferences(accept)
    if not wishes:
        return JSON
    plain, graphql = media_quality(wishes, JSON), media_quality(wishes, GRAPHQL_JSON)
    if graphql > plain or (graphql == plain > 0 and any(wish.name == GRAPHQL_JSON for wish in wishes)):
        return GRAPHQL_JSON
    return JSON if plain > 0 else None


@cached_decision
def event_stream_wish(accept: str) -> tuple[bool, bool]:
    """Whether the client names text/event-stream as acceptable, and whether it prefers that type to JSON. urql names it
    for every request.
    """
    wishes = preferences(accept)
    if not any(wish.name == EVENT_STREAM for wish in wishes):
        return False, False
    stream = media_quality(wishes, EVENT_STREAM)
    other = max(media_quality(wishes, JSON), media_quality(wishes, GRAPHQL_JSON))
    return stream > 0, stream > other


@cached_decision
def prefers_page(accept: str) -> bool:
    """Whether the client is a browser that opens the address: the Accept header has HTML and does not prefer JSON."""
    wishes = preferences(accept)
    if not any(wish.name == HTML for wish in wishes):
        return False
    page = media_quality(wishes, HTML)
    return page > 0 and page >= max(media_quality(wishes, JSON), media_quality(wishes, GRAPHQL_JSON))


@cached_decision
def coding(accept_encoding: str) -> str | None:
    """The preferred coding of "br" and "gzip", or br if both are equal; None for neither."""
    wishes = preferences(accept_encoding)
    quality = {wish.name: wish.quality for wish in reversed(wishes)}
    any_other = quality.get("*", 0.0)
    gzip = quality.get("gzip", quality.get("x-gzip", any_other))
    brotli = quality.get("br", any_other)
    best = max(gzip, brotli)
    # If the client prefers the coding identity, the answer is not compressed.
    if best <= 0 or quality.get("identity", 0.0) > best:
        return None
    return "br" if brotli == best else "gzip"
