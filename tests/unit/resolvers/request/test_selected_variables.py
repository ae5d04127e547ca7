"""The variables that change the answers of a subscription, and not only its source."""

import pytest
from graphql import parse

from resolvers.request.selected_variables import selected_variables

GIVEN = {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    "selection, names",
    [
        ("x(after: $a, filter: {z: [$b]}) { y }", ""),
        ("x(after: $a) @include(if: $b) { y }", "b"),
        ("x(after: $a) { y @skip(if: $a) }", "a"),
        ("x(after: $a) { y(z: {k: $b}) ...F }", "bc"),
        ("... on S { x(after: $a) { y } }", "a"),
    ],
)
def test_only_variables_of_the_source_are_left_out(selection, names):
    text = f"subscription ($a: S, $b: S, $c: S) {{ {selection} }}"
    tree = parse(text + " fragment F on X { y(z: $c) }" if "...F" in text else text)

    assert set(selected_variables(tree, tree.definitions[0], GIVEN)) == set(names)
