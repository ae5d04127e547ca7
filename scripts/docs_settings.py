"""The reference of the settings: names, types and defaults from the types, meanings from brokergraph.example.toml."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import NODEFAULT
from msgspec import inspect as types

from api.settings.settings import SettingsFile
from core.secret import Secret

EXAMPLE = Path(__file__).parent.parent / "brokergraph.example.toml"
ENTRY = "NAME"
HEAD = """# Settings

<!-- Written by `make docs-reference` from the types of the settings and from brokergraph.example.toml; do not edit. -->

Every setting of the file that `brokergraph serve --config` reads. `brokergraph.example.toml` is such a file, with the
same explanations; its first lines explain environment variables and secrets. `NAME` is a name of your own. A setting
without a default is required if its section exists.
"""
UNITS = {"_seconds": "seconds", "_bytes": "bytes", "_hours": "hours", "_days": "days", "_per_minute": "per minute"}
UNITS |= {"_characters": "characters", "_minutes": "minutes"}
NAMES = {
    types.IntType: "whole number",
    types.FloatType: "number",
    types.DecimalType: "decimal",
    types.StrType: "text",
    types.BoolType: "true or false",
    types.DateTimeType: "time",
    types.TimeType: "time of day",
}
BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


@dataclass(frozen=True)
class Section:
    path: tuple[str, ...]
    kind: types.StructType
    defaults: Any
    """The default value of the whole section, which may differ from that of its type."""


def page() -> str:
    """The page, in Markdown."""
    explained = Explanations(EXAMPLE.read_text(encoding="utf-8").splitlines())
    kind = types.type_info(SettingsFile)
    assert isinstance(kind, types.StructType)
    return HEAD + "".join(_section(one, explained) for one in sections((), kind, None) if one.path)


def sections(path: tuple[str, ...], kind: types.StructType, defaults: Any) -> Iterator[Section]:
    yield Section(path, kind, defaults)
    for field in kind.fields:
        below, inner = (*path, field.encode_name), _without_none(field.type)
        default = getattr(defaults, field.name, _default(field))
        if isinstance(inner, types.DictType) and isinstance(inner.value_type, types.StructType):
            yield from sections((*below, ENTRY), inner.value_type, None)
        elif isinstance(inner, types.StructType):
            yield from sections(below, inner, default)


def _without_none(kind: types.Type) -> types.Type:
    if not isinstance(kind, types.UnionType):
        return kind
    return next(one for one in kind.types if not isinstance(one, types.NoneType))


def _default(field: types.Field) -> Any:
    return field.default_factory() if field.default_factory is not NODEFAULT else field.default


def _is_section(kind: types.Type) -> bool:
    inner = _without_none(kind)
    return isinstance(inner, types.StructType) or (
        isinstance(inner, types.DictType) and isinstance(inner.value_type, types.StructType)
    )


def _section(section: Section, explained: "Explanations") -> str:
    rows = [
        f"| `{field.encode_name}` | {_type(field)} | {_shown(getattr(section.defaults, field.name, _default(field)))} "
        f"| {explained.of(section, field.encode_name)} |\n"
        for field in section.kind.fields
        if not _is_section(field.type)
    ]
    if not rows:
        return ""
    intro = explained.intro(section)
    head = f"\n## `[{'.'.join(section.path)}]`\n\n" + (f"{intro}\n\n" if intro else "")
    return head + "| setting | type | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _type(field: types.Field) -> str:
    unit = next((unit for end, unit in UNITS.items() if field.encode_name.endswith(end)), "")
    return _type_name(_without_none(field.type)) + (f", {unit}" if unit else "")


def _type_name(kind: types.Type) -> str:
    match kind:
        case types.LiteralType():
            return " or ".join(f"`{_json(value)}`" for value in kind.values)
        case types.VarTupleType() | types.ListType() | types.CollectionType():
            return f"list of {_type_name(kind.item_type)}"
        case types.DictType():
            return f"table: {_type_name(kind.key_type)} = {_type_name(kind.value_type)}"
        case types.CustomType():
            return {Secret: "secret", Path: "path"}[kind.cls]
    bounds = [f"{sign} {getattr(kind, name)}" for name, sign in BOUNDS if getattr(kind, name, None) is not None]
    return NAMES[type(kind)] + (f" ({' and '.join(bounds)})" if bounds else "")


def _shown(default: Any) -> str:
    if default is NODEFAULT:
        return "required"
    return "none" if default is None else f"`{_json(default)}`"


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


class Explanations:
    """The comments of the example file: the one above a section, and the one above each setting.

    A setting directly below another one shares its comment. A setting without a comment has that of the same setting of
    the same type elsewhere.
    """

    def __init__(self, lines: list[str]) -> None:
        self._settings: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._sections: dict[tuple[str, ...], str] = {}
        self._known: dict[tuple[type, str], str] = {}
        self._read(lines)

    def _read(self, lines: list[str]) -> None:
        path: tuple[str, ...] = ()
        comment: list[str] = []
        used = False
        for line in lines:
            if named := re.match(r"\[([\w.]+)\]", line):
                path = tuple(named[1].split("."))
                self._sections[path], comment = " ".join(comment), []
            elif setting := re.match(r"#?([a-z0-9_]+) = ", line):
                self._settings.setdefault(setting[1], []).append((path, " ".join(comment)))
                used = True
            elif not line.startswith("# ") or line.startswith("# ----"):
                comment = []
            else:
                comment, used = [*([] if used else comment), line.removeprefix("# ")], False

    def intro(self, section: Section) -> str:
        return next((text for path, text in self._sections.items() if text and _is_of(path, section.path)), "")

    def of(self, section: Section, name: str) -> str:
        """The explanation of a setting. Raises LookupError if there is none."""
        found = [text for path, text in self._settings.get(name, []) if text and _is_of(path, section.path)]
        key = _declaring(section.kind.cls, name), name
        if explaining := [text for text in found if not text.startswith(("Default:", "As "))]:
            self._known.setdefault(key, explaining[0])
        text = next(iter(explaining or [self._known[key]] if key in self._known else found), None)
        if text is None:
            raise LookupError(f"{EXAMPLE.name} does not explain {'.'.join(section.path)}.{name}")
        return re.sub(r"\bdocs/([\w-]+\.md)", r"[\1](\1)", text.replace("|", "\\|"))


def _declaring(kind: type, name: str) -> type:
    """The class that declares the setting first, because a section may inherit its settings."""
    return next(one for one in reversed(kind.__mro__) if name in vars(one).get("__annotations__", {}))


def _is_of(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(there in (ENTRY, here) for here, there in zip(path, pattern, strict=True))
