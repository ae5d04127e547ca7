"""Output shapes: lists around a leaf, an object or an abstract type, each nullable or required."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from graphql import GraphQLOutputType, is_abstract_type, is_leaf_type, is_list_type, is_non_null_type


class Kind(Enum):
    LEAF = auto()
    OBJECT = auto()
    ABSTRACT = auto()
    LIST = auto()


class Nulled:
    """Placeholder for a null of a required type. Its error is recorded, and the nearest nullable parent becomes
    null.
    """

    def __repr__(self) -> str:
        return "NULLED"


NULLED = Nulled()


@dataclass(frozen=True, slots=True)
class OutputShape:
    """Shape of a field's output. `named` is the innermost graphql-core type; `of` is the shape of a list's elements."""

    kind: Kind
    required: bool
    named: Any
    of: "OutputShape | None" = None

    @property
    def named_kind(self) -> Kind:
        return self.kind if self.of is None else self.of.named_kind

    @property
    def null(self) -> Any:
        """The value that an error leaves at this position."""
        return NULLED if self.required else None


def shape_of(type_: GraphQLOutputType, *, required: bool = False) -> OutputShape:
    if is_non_null_type(type_):
        return shape_of(type_.of_type, required=True)
    if is_list_type(type_):
        of = shape_of(type_.of_type)
        return OutputShape(Kind.LIST, required, of.named, of)
    if is_leaf_type(type_):
        return OutputShape(Kind.LEAF, required, type_)
    return OutputShape(Kind.ABSTRACT if is_abstract_type(type_) else Kind.OBJECT, required, type_)
