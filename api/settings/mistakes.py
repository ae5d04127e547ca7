"""Adds the full path and the allowed values to msgspec's messages about mistakes in the settings."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from msgspec.inspect import FloatType, IntType, LiteralType, Type, VarTupleType, type_info

from api.settings.environment import below, without_none
from core.errors import ConfigError

# msgspec's notation for an unnamed entry of a map, and the same notation without dots.
_SOME_ENTRY: Final = "[...]"
_ENTRY: Final = "[*]"
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
Attempt = Callable[[Mapping[str, Any]], str | None]


def mistake(words: str, tables: Mapping[str, Any], kind: type, attempt: Attempt) -> ConfigError:
    """The error for msgspec's message about these tables. `attempt` returns msgspec's message about other tables, or
    None.
    """
    problem, _, path = words.partition(" - at `$")
    place: tuple[str, ...] = ()
    for part in path.strip("`.").replace(_SOME_ENTRY, _ENTRY).split(".") if path else ():
        name, is_map, rest = part.partition(_ENTRY)
        place = (*place, name)
        if is_map:
            place = (*place, _culprit(words, tables, place, attempt) + rest)
    if unknown := _UNKNOWN.fullmatch(problem):
        return _unknown((*place, unknown[1]), type_info(kind))
    return ConfigError(".".join(place) or "settings", problem + _more(problem, tables, type_info(kind), place))


def _unknown(place: tuple[str, ...], kind: Type | None) -> ConfigError:
    """The error for a name that no setting has, with the name that was probably meant."""
    for name in place[:-1]:
        kind = below(kind, name)
    known = [one.encode_name for one in getattr(without_none(kind), "fields", ())]
    meant = get_close_matches(place[-1], known, 1)
    advice = f"did you mean {meant[0]}?" if meant else f"choose from {', '.join(known)}"
    return ConfigError(".".join(place), f"is no setting; {advice}")


def _culprit(words: str, tables: Mapping[str, Any], place: tuple[str, ...], attempt: Attempt) -> str:
    """The entry that causes the same message if it is the only entry of its map."""
    entries = _at(tables, place)
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        if attempt(_with(tables, place, {name: entry})) == words:
            return str(name)
    return "..."


def _with(tables: Mapping[str, Any], place: tuple[str, ...], value: Any) -> Any:
    """The tables with another value at this path."""
    if not place:
        return value
    return {**tables, place[0]: _with(tables[place[0]], place[1:], value)}


def _at(tables: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        tables = tables.get(name) if isinstance(tables, Mapping) else None
    return tables


def _more(problem: str, tables: Mapping[str, Any], kind: Type | None, place: tuple[str, ...]) -> str:
    """The given number if it is out of bounds, the allowed values of a choice, or the form of a list."""
    for name in place:
        kind = below(kind, name)
    match without_none(kind):
        case LiteralType(values=values):
            return f"; choose from {', '.join(map(str, values))}"
        case IntType() | FloatType() if "got" not in problem:
            return f", got {_at(tables, place)}"
        case VarTupleType() if problem.startswith("Expected `array`"):
            return '; write a list, such as ["a", "b"]'
    return ""
