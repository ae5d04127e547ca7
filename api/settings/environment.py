"""Settings from the environment: each variable replaces the setting of the file that its name spells.

The names of settings are matched without regard to case. The names in a map (trading servers, partners, currencies) are
the operator's own and are used exactly. A limit under another spelling would never apply.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.inspect import DictType, NoneType, StructType, Type, UnionType, type_info

from core.errors import ConfigError

PREFIX: Final = "BROKERGRAPH_"
# Variables with the prefix that are options of commands, or are read before the settings.
_NOT_SETTINGS: Final = frozenset(
    {"BROKERGRAPH_CONFIG", "BROKERGRAPH_KEY", "BROKERGRAPH_METRICS_FOLDER", "BROKERGRAPH_PORT", "BROKERGRAPH_URL"}
)


def lay_over(tables: dict[str, Any], kind: type, environment: Mapping[str, str]) -> None:
    """Put the values of the variables into the file's tables. Raises ConfigError for an ambiguous variable."""
    places = _places(tables, type_info(kind), environment)
    # A variable for a whole table is applied before variables for its parts, so that it does not remove the parts.
    for place in sorted(places, key=len):
        _put(tables, place, places[place], environment[places[place]])


def _places(tables: Mapping[str, Any], kind: Type, environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """The path of each variable's setting. Paths depend only on the file, so that the order of variables does not
    matter.
    """
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
    """The name itself. A section of the file is matched without regard to case, because variables are usually in
    capitals.
    """
    names = list(table) if isinstance(table, Mapping) else []
    alike = [name for name in names if name.lower() == key.lower()]
    if key in alike or not alike:
        return key
    if len(alike) == 1 and isinstance(without_none(kind.value_type), StructType):
        return str(alike[0])
    problem = f"the settings file has {' and '.join(alike)} there; write the name as in the file"
    raise ConfigError(variable, problem)


def below(kind: Type | None, name: str) -> Type | None:
    """The type of the setting with this name in a section or map; None for an unknown setting."""
    match without_none(kind):
        case StructType(fields=fields):
            return next((field.type for field in fields if field.encode_name == name), None)
        case DictType(value_type=value):
            return value
    return None


def without_none(kind: Type | None) -> Type | None:
    """The type without the `| None` of an optional setting."""
    if isinstance(kind, UnionType):
        return next((one for one in kind.types if not isinstance(one, NoneType)), None)
    return kind


def _put(tables: dict[str, Any], place: Sequence[str], variable: str, text: str) -> None:
    for name in place[:-1]:
        child = tables.setdefault(name, {})
        if not isinstance(child, dict):
            raise ConfigError(variable, "names a setting below a setting that is not a table")
        tables = child
    tables[place[-1]] = _value(text)


def _value(text: str) -> Any:
    """Lists and tables have the syntax of TOML, all other values are plain texts."""
    if text.startswith(("[", "{")):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text
