"""The shape of what a field returns: lists around a leaf, an object or an abstract type, each nullable or not."""

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
    """What stands in place of a null that an error has already been recorded for, until something nullable takes it."""

    def __repr__(self) -> str:
        return "NULLED"


NULLED = Nulled()


@dataclass(frozen=True, slots=True)
class OutputShape:
    """`named` is the graphql-core type at the core of it all; `of` is a list's element."""

    kind: Kind
    required: bool
    named: Any
    of: "OutputShape | None" = None

    @property
    def named_kind(self) -> Kind:
        return self.kind if self.of is None else self.of.named_kind

    @property
    def null(self) -> Any:
        """What an error leaves here."""
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
