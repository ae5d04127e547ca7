"""Settings from the environment: each variable is laid over the file at the place that its name spells.

The names of settings are ours and are met in any case. The names in a map (trading servers, partners, currencies) are
the operator's own. Another spelling is another name, and a limit under it would never apply.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.inspect import DictType, NoneType, StructType, Type, UnionType, type_info

from core.config_error import ConfigError

PREFIX: Final = "BROKERGRAPH_"
# Variables with the prefix that are not settings: they are read before there are any.
_NOT_SETTINGS: Final = ("BROKERGRAPH_CONFIG", "BROKERGRAPH_PORT")


def lay_over(tables: dict[str, Any], kind: type, environment: Mapping[str, str]) -> None:
    """Put what the variables say into the file's tables. Raises ConfigError for a variable that may mean two things."""
    places = _places(tables, type_info(kind), environment)
    # A whole table comes before what is said of its parts, so that it cannot take them away again.
    for place in sorted(places, key=len):
        _put(tables, place, places[place], environment[places[place]])


def _places(tables: Mapping[str, Any], kind: Type, environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Where each variable's setting stands. All are looked up in the file alone, so their order does not matter."""
    places: dict[tuple[str, ...], str] = {}
    for variable in environment:
        if not variable.startswith(PREFIX) or variable in _NOT_SETTINGS:
            continue
        place = _place(tables, kind, variable)
        if place in places:
            raise ConfigError(".".join(place), f"is given by {places[place]} and by {variable}; leave one of them")
        places[place] = variable
    return places


def _place(tables: Any, kind: Type | None, variable: str) -> tuple[str, ...]:
    place = []
    for key in variable.removeprefix(PREFIX).split("__"):
        kind = without_none(kind)
        name = _name_in_map(tables, kind, key, variable) if isinstance(kind, DictType) else key.lower()
        place.append(name)
        tables = tables.get(name) if isinstance(tables, Mapping) else None
        kind = below(kind, name)
    return tuple(place)


def _name_in_map(table: Any, kind: DictType, key: str, variable: str) -> str:
    """The name itself. A section of the file is met whatever the case, for variables are mostly written in capitals."""
    names = list(table) if isinstance(table, Mapping) else []
    alike = [name for name in names if name.lower() == key.lower()]
    if key in alike or not alike:
        return key
    if len(alike) == 1 and isinstance(without_none(kind.value_type), StructType):
        return str(alike[0])
    problem = f"the settings file has {' and '.join(alike)} there; write the name as it stands in the file"
    raise ConfigError(variable, problem)


def below(kind: Type | None, name: str) -> Type | None:
    """What a setting of this name is in such a section or map; None where there is no such thing."""
    match without_none(kind):
        case StructType(fields=fields):
            return next((field.type for field in fields if field.encode_name == name), None)
        case DictType(value_type=value):
            return value
    return None


def without_none(kind: Type | None) -> Type | None:
    """Without the `| None` of what may be left out."""
    if isinstance(kind, UnionType):
        return next((one for one in kind.types if not isinstance(one, NoneType)), None)
    return kind


def _put(tables: dict[str, Any], place: Sequence[str], variable: str, text: str) -> None:
    for name in place[:-1]:
        child = tables.setdefault(name, {})
        if not isinstance(child, dict):
            raise ConfigError(variable, "names a setting below one that is not a table")
        tables = child
    tables[place[-1]] = _value(text)


def _value(text: str) -> Any:
    """Lists and tables are written as in TOML, everything else as it is."""
    if text.startswith(("[", "{")):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text
