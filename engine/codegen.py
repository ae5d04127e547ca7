"""Code generation for building the response's dictionaries from objects and columns.

Two builders give the same rows:

- The interpreter goes value by value and reports each error with its place.
- The generated code is one Python loop for the selection. It fails on the first unusual value; then the interpreter
  builds the rows.

A selection is interpreted until it is hot, because generating code costs more than a few runs save.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from cachetools import LRUCache
from graphql import Undefined

from engine.field_plans import FieldPlan, Source
from engine.output_shapes import NULLED, Kind
from engine.serialization import close_unused, enum_names, isfinite, null_error, pass_through_check, serialize

Rows = list[Any]
Columns = Sequence[Sequence[Any]]
Build = Callable[..., Rows]
_MAX_SHAPES: Final = 2_000


# Reports an error of the interpreter: the error, the field, its response key, the index of the object.
Errors = Callable[[BaseException, FieldPlan, str, int], None]


class _RequiredValueMissing(Exception):
    """A required value is missing."""


@dataclass(slots=True, eq=False)
class Builder:
    """Builder of one selection's objects. `columns` hold the resolved values in the order of `steps`."""

    type_name: str
    fields: Mapping[str, FieldPlan]
    steps: list[str]
    hot_after: int
    runs: int = 0
    generated: Build | None = None
    step_indexes: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.step_indexes = {key: place for place, key in enumerate(self.steps)}

    def build_generated(self, objects: Sequence[Any], columns: Columns) -> Rows | None:
        """Build all objects by generated code. Returns None if the interpreter has to build them."""
        if self.generated is None:
            self.runs += 1
            if self.runs <= self.hot_after:
                return None
            self.generated = _generate(self)
        try:
            return self.generated(objects, *columns)
        except Exception:  # noqa: BLE001 - the interpreter meets the same error and reports its place.
            return None

    def disable_generated(self) -> None:
        """Disable code generation, because an attribute is awaitable and a generated loop cannot await."""
        self.hot_after = sys.maxsize
        self.generated = None

    def build_interpreted(self, count: int, columns: Mapping[str, Sequence[Any]], report: Errors) -> tuple[Rows, bool]:
        """Build `count` objects from columns by response key.

        An object that lacks a required value becomes NULLED. The second result tells whether there is a NULLED object.
        """
        rows: Rows = []
        is_nulled = False
        for index in range(count):
            try:
                rows.append(self._row(index, columns, report))
            except _RequiredValueMissing:
                rows.append(NULLED)
                is_nulled = True
        return rows, is_nulled

    def _row(self, index: int, columns: Mapping[str, Sequence[Any]], report: Errors) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for key, plan in self.fields.items():
            if plan.definition.source is Source.TYPENAME:
                row[key] = self.type_name
                continue
            value = columns[key][index]
            if plan.output.kind is Kind.LEAF:
                value = _serialize_leaf(value, plan)
                if isinstance(value, BaseException):
                    report(value, plan, key, index)
                    value = plan.output.null
            if value is NULLED:
                raise _RequiredValueMissing
            row[key] = value
        return row


def _serialize_leaf(value: Any, plan: FieldPlan) -> Any:
    """Serialize a leaf value. Returns the exception if the value cannot be serialized."""
    if isinstance(value, BaseException):
        return value
    if value is None:
        return null_error(plan.coordinate) if plan.output.required else None
    try:
        return serialize(plan.output.named, value)
    except Exception as error:  # noqa: BLE001 - a failure concerns only its own value.
        return error


def _generate(wanted: Builder) -> Build:
    """Generate the loop. Selections of the same shape share one loop."""
    source, names = _Writer(wanted).write()
    shape = (source, *(id(value) for value in names.values()))
    found = _shapes.get(shape)
    if found is None:
        scope = dict(names)
        exec(compile(source, f"<selection of {wanted.type_name}>", "exec"), scope)  # noqa: S102 - our own text.
        # The shape holds ids of the names. Storing the names keeps each id from being reused.
        found = _shapes[shape] = (scope["build"], names)
    return found[0]


_shapes: LRUCache[tuple[Any, ...], tuple[Build, Mapping[str, Any]]] = LRUCache(_MAX_SHAPES)


class _Writer:
    """Writer of the loop's source. A document contributes nothing to the source but quoted keys."""

    def __init__(self, wanted: Builder) -> None:
        self._wanted = wanted
        self._names: dict[str, Any] = {"isfinite": isfinite}

    def write(self) -> tuple[str, dict[str, Any]]:
        wanted = self._wanted
        parts = []
        for key, plan in wanted.fields.items():
            place = wanted.step_indexes.get(key)
            parts.append(f"{key!r}: {self._value(plan, place)}")
        columns = "".join(f", c{place}" for place in range(len(wanted.steps)))
        items = "".join(f", x{place}" for place in range(len(wanted.steps)))
        loop = f"for o{items} in zip(objects{columns}):" if columns else "for o in objects:"
        lines = [
            f"def build(objects{columns}):",
            "    rows = []",
            "    add = rows.append",
            f"    {loop}",
            f"        add({{{', '.join(parts)}}})",
            "    return rows",
        ]
        return "\n".join(lines), self._names

    def _value(self, plan: FieldPlan, place: int | None) -> str:
        if plan.definition.source is Source.TYPENAME:
            return repr(self._wanted.type_name)
        if place is not None and plan.output.kind is not Kind.LEAF:
            return f"x{place}"
        value = f"o.{plan.definition.attribute}" if place is None else f"x{place}"
        return self._leaf(plan, value)

    def _serialize_column(self, value: str, named: Any, strict: str, number: int, *, required: bool) -> str:
        """Serialize a scalar of a column by its own function only, because a column holds no exceptions here."""
        printer = f"p{number}"
        self._names[printer] = named.coerce_output_value
        # The strict serializer looks again at a falsy result.
        printed = f"(w if (w := {printer}(v)) else {strict}(v))"
        other = f"{strict}(v)" if required else "None"
        return f"({printed} if (v := {value}) is not None else {other})"

    def _leaf(self, plan: FieldPlan, value: str) -> str:
        out = plan.output
        number = len(self._names)
        strict, named = f"s{number}", out.named
        self._names[strict] = _strict_serializer(named)
        check = pass_through_check(named)
        or_null = "" if out.required else " or v is None"
        if check is not None:
            first = f"(v := {value})"
            return f"(v if ({check.format(v='v').replace('v', first, 1)}){or_null} else {strict}(v))"
        if (members := enum_names(named)) is not None:
            kind, names = f"k{number}", f"n{number}"
            self._names[kind], self._names[names] = _share_members(named, members)
            other = f"{strict}(v)" if out.required else f"(None if v is None else {strict}(v))"
            return f"({names}[v] if (v := {value}).__class__ is {kind} else {other})"
        if value.startswith("x"):
            return self._serialize_column(value, named, strict, number, required=out.required)
        printer = f"p{number}"
        self._names[printer] = named.coerce_output_value
        self._names["plain"] = _PLAIN
        # The strict serializer looks again at a value of another class and at a falsy result.
        printed = f"(w if (v := {value}).__class__ in plain and (w := {printer}(v)) else {{other}})"
        other = f"{strict}(v)" if out.required else f"(None if v is None else {strict}(v))"
        return printed.format(other=other)


# Classes of plain values: neither exceptions nor awaitables.
_PLAIN = frozenset({str, int, bool, Decimal, datetime, date, UUID})

_stricts: dict[int, tuple[Any, Callable[[Any], Any]]] = {}
_members: dict[int, tuple[Any, tuple[type, dict[Any, str]]]] = {}


def _strict_serializer(named: Any) -> Callable[[Any], Any]:
    """Return the full serializer of a type. Each type has one function, so that equal shapes compare as equal."""
    found = _stricts.get(id(named))
    if found is None:

        def strict(value: Any) -> Any:
            if value is None or value is Undefined:
                raise _RequiredValueMissing
            if hasattr(value.__class__, "__await__"):
                close_unused(value)
                raise _RequiredValueMissing
            return serialize(named, value)

        found = _stricts[id(named)] = (named, strict)
    return found[1]


def _share_members(named: Any, members: tuple[type, dict[Any, str]]) -> tuple[type, dict[Any, str]]:
    return _members.setdefault(id(named), (named, members))[1]
