"""What a case of execution is: a document over a small world, and the answer that the specification asks for.

A world's values are plain dictionaries. One that is not there yet, or fails, is a function made by a word below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLSchema, build_schema

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Error:
    """`at` are the places in the document, as (line, column); none where the case leaves them open."""

    path: Path
    message: str
    at: tuple[tuple[int, int], ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`errors` are all that graphql-core reports. `either` says that another of several failing siblings may be named
    in their place; `refused` is what is said where the variables are no good and nothing runs.
    """

    name: str
    document: str
    data: Any = None
    errors: tuple[Error, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation: str | None = None
    root: Any = None
    either: bool = False
    refused: str = ""
    by_graphql_core: bool = False


@dataclass(frozen=True)
class World:
    """A schema, the values at its root, made anew for each run, and the cases over both."""

    name: str
    schema: Callable[[], GraphQLSchema]
    root: Callable[[], Any]
    cases: tuple[Case, ...]


def schema_of(text: str, **changes: Callable[[Any], None]) -> Callable[[], GraphQLSchema]:
    """Makes the schema anew each time; `changes` are made to its types, by their names."""

    def made() -> GraphQLSchema:
        schema = build_schema(text)
        for name, change in changes.items():
            change(schema.type_map[name])
        return schema

    return made


def fails(message: str) -> Any:
    def fail(_info: Any, **_arguments: Any) -> Any:
        raise RuntimeError(message)

    return fail


def later(value: Any) -> Any:
    async def wait(_info: Any, **_arguments: Any) -> Any:
        return value

    return wait


def fails_later(message: str) -> Any:
    async def fail(_info: Any, **_arguments: Any) -> Any:
        raise RuntimeError(message)

    return fail


def gives(make: Callable[[], Any]) -> Any:
    """A value that can be used once, made anew each time."""
    return lambda _info, **_arguments: make()


def no_null(path: Path, coordinate: str, *at: tuple[int, int]) -> Error:
    return Error(path, f"Cannot return null for non-nullable field {coordinate}.", at)
