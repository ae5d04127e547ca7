"""Variables read at a glance are what graphql-core would have read."""

import pytest
from graphql import build_schema, parse
from graphql.execution.values import get_variable_values
from hypothesis import given
from hypothesis import strategies as some

from resolvers.request import variables
from resolvers.request.document_facts import collect_facts
from resolvers.request.documents import Document

SCHEMA = build_schema(
    """
    enum Kind { A B }
    input By { number: Int, id: ID }
    scalar Odd
    type Query { anything(a: Int, b: String, c: ID, d: Boolean, e: Float, f: Kind, g: By, h: [Int], i: Odd): Int }
    """
)
TYPES = ("Int", "String", "ID", "Boolean", "Float", "Kind", "By", "[Int]", "Odd")
DEFAULTS = {"Int": "7", "String": '"x"', "ID": '"y"', "Boolean": "true"}
NAMES = "abcdefghi"

texts = some.text(max_size=4)
numbers = some.sampled_from([0, -1, 1.0, 1.5, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**30, float("1e308")])
plain = some.one_of(some.none(), some.booleans(), texts, some.sampled_from(["A", "1", ""]), numbers)
values = some.one_of(
    plain, some.lists(plain, max_size=2), some.dictionaries(some.sampled_from(["number", "id"]), plain)
)
fitting = {"Int": some.integers(-5, 5), "String": texts, "ID": texts, "Boolean": some.booleans()}


@some.composite
def asked(draw):
    """An operation's definitions, and what a caller sends: most of it fits."""
    definitions, sent = [], {}
    for name in NAMES[: draw(some.integers(0, 4))]:
        kind = draw(some.sampled_from(TYPES[:4]) if draw(some.booleans()) else some.sampled_from(TYPES))
        default = f" = {DEFAULTS[kind]}" if kind in DEFAULTS and draw(some.booleans()) else ""
        definitions.append(f"${name}: {kind}{draw(some.sampled_from(['', '!']))}{default}")
        if draw(some.integers(0, 4)):
            sent[name] = draw(fitting[kind] if kind in fitting and draw(some.integers(0, 3)) else values)
    return definitions, sent


def document_of(definitions: list[str]) -> Document:
    tree = parse(f"query Q({', '.join(definitions)}) {{ x }}" if definitions else "{ x }")
    return Document(tree, collect_facts(tree, SCHEMA), {})


def shown(result):
    """With the values' own types, for 1 and True and 1.0 are equal; and errors as they are said."""
    if isinstance(result, list):
        return [(error.message, error.nodes) for error in result]
    return [source_of(source) for source in result.sources.values()], repr(result.coerced)


def source_of(source):
    name, kind, default, _ = source.signature
    return name, str(kind), default and default.literal, repr(source.value)


EDGES = {
    "Int": (True, 1.0, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**30, "1", None),
    "String": (1, True, [], None),
    "ID": (1, 1.0, True, None),
    "Boolean": (0, 1, "true", None),
}


@pytest.mark.parametrize("required", ["", "!"])
@pytest.mark.parametrize("kind, value", [(kind, value) for kind, values in EDGES.items() for value in values])
def test_what_nearly_fits_is_what_graphql_core_makes_of_it(kind, value, required):
    document = document_of([f"$a: {kind}{required}"])
    operation = document.operation(None)

    read = variables.read_variables(SCHEMA, document, operation, {"a": value})

    assert shown(read) == shown(get_variable_values(SCHEMA, operation.variable_definitions, {"a": value}, 10))


@given(asked())
def test_they_are_what_graphql_core_reads(asked):
    definitions, sent = asked
    document = document_of(definitions)
    operation = document.operation(None)

    expected = get_variable_values(SCHEMA, operation.variable_definitions or (), sent, max_errors=10)

    for _ in range(2):
        assert shown(variables.read_variables(SCHEMA, document, operation, sent)) == shown(expected)


@pytest.mark.parametrize(
    "definitions, sent",
    [
        (["$a: Int!", "$b: String"], {"a": 1, "b": "x"}),
        (["$c: ID", "$d: Boolean = true"], {"c": None, "d": False}),
        (["$a: Int"], {}),
        ([], {}),
    ],
)
def test_what_fits_is_not_read_twice(definitions, sent, monkeypatch):
    document = document_of(definitions)

    def asked_after_all(*_arguments, **_more):
        raise AssertionError

    monkeypatch.setattr(variables, "get_variable_values", asked_after_all)

    assert variables.read_variables(SCHEMA, document, document.operation(None), sent).coerced == sent
