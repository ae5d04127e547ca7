"""From rows and columns to the dictionaries of the response.

Two ways that give the same: `interpreted` goes value by value and knows what to do when something is wrong; `generated`
is one loop of Python made for the selection, which gives up at the first thing that is not as usual. A selection is
interpreted until it has proven hot, because making code costs more than a few runs save.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from graphql import Undefined

from engine.field_plans import FieldPlan, Source
from engine.output_shapes import NULLED, Kind
from engine.serialization import close_unused, enum_names, isfinite, null_error, pass_through_check, serialize

Rows = list[Any]
Columns = Sequence[Sequence[Any]]
Build = Callable[..., Rows]
_MAX_SHAPES: Final = 2_000


# Where the interpreter reports what is wrong with the value of which field, under which key, of which object.
Errors = Callable[[BaseException, FieldPlan, str, int], None]


class _RequiredValueMissing(Exception):
    """A required value is not there."""


@dataclass(slots=True, eq=False)
class Builder:
    """Builds the objects of one selection. `columns` hold, in the order of `steps`, what was resolved before."""

    type_name: str
    fields: Mapping[str, FieldPlan]
    steps: list[str]
    hot_after: int
    runs: int = 0
    generated: Build | None = None
    _places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {key: place for place, key in enumerate(self.steps)}

    def build_generated(self, objects: Sequence[Any], columns: Columns) -> Rows | None:
        """All objects, or None where the interpreter has to look at them."""
        if self.generated is None:
            self.runs += 1
            if self.runs <= self.hot_after:
                return None
            self.generated = _generate(self)
        try:
            return self.generated(objects, *columns)
        except Exception:  # noqa: BLE001 - whatever it is, the interpreter finds it again and says where.
            return None

    def disable_generated(self) -> None:
        """An attribute turned out to be awaitable: no loop of ours can read it."""
        self.hot_after = sys.maxsize
        self.generated = None

    def build_interpreted(self, count: int, columns: Mapping[str, Sequence[Any]], report: Errors) -> tuple[Rows, bool]:
        """As many objects from what was read for them, by response key; NULLED in place of each that lacks a required
        value; and whether there is one.
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
    """The value as it leaves, or the exception that says why it cannot."""
    if isinstance(value, BaseException):
        return value
    if value is None:
        return null_error(plan.coordinate) if plan.output.required else None
    try:
        return serialize(plan.output.named, value)
    except Exception as error:  # noqa: BLE001 - a value's failure is that value's alone.
        return error


def _generate(wanted: Builder) -> Build:
    """The generated loop; selections of the same shape share one."""
    source, names = _Writer(wanted).write()
    shape = (source, *(id(value) for value in names.values()))
    found = _shapes.get(shape)
    if found is None:
        scope = dict(names)
        exec(compile(source, f"<selection of {wanted.type_name}>", "exec"), scope)  # noqa: S102 - our own text.
        # The names are kept with the loop, so that no other object can get their id while it lives.
        found = _shapes[shape] = (scope["build"], names)
        if len(_shapes) > _MAX_SHAPES:
            _shapes.popitem(last=False)
    return found[0]


_shapes: OrderedDict[tuple[Any, ...], tuple[Build, Mapping[str, Any]]] = OrderedDict()


class _Writer:
    """Writes the loop. Nothing of a document gets into the text but as a quoted key."""

    def __init__(self, wanted: Builder) -> None:
        self._wanted = wanted
        self._names: dict[str, Any] = {"isfinite": isfinite}

    def write(self) -> tuple[str, dict[str, Any]]:
        wanted = self._wanted
        parts = []
        for key, plan in wanted.fields.items():
            place = wanted._places.get(key)  # noqa: SLF001 - the builder's other half.
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
        """A scalar of a column, which is known to hold no exceptions, by its own function alone."""
        printer = f"p{number}"
        self._names[printer] = named.coerce_output_value
        # What is nothing, or counts as nothing, is looked at again.
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
        # Whatever is no plain value, or prints as nothing, is looked at again.
        printed = f"(w if (v := {value}).__class__ in plain and (w := {printer}(v)) else {{other}})"
        other = f"{strict}(v)" if out.required else f"(None if v is None else {strict}(v))"
        return printed.format(other=other)


# Neither exceptions nor anything that could be waited for.
_PLAIN = frozenset({str, int, bool, Decimal, datetime, date, UUID})

_stricts: dict[int, tuple[Any, Callable[[Any], Any]]] = {}
_members: dict[int, tuple[Any, tuple[type, dict[Any, str]]]] = {}


def _strict_serializer(named: Any) -> Callable[[Any], Any]:
    """The whole way out for a type's values; the same function each time, so that equal shapes are seen as equal."""
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
