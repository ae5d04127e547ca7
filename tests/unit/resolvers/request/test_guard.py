import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from resolvers.policy.errors import LimitExceeded
from resolvers.request.document_limits import DocumentLimits, Measure, _Measurer, guard


def measured(text: str) -> Measure:
    document = parse(text)
    return _Measurer(document).selection(document.definitions[0].selection_set)


def doubled(levels: int) -> str:
    fragments = [f"fragment f{n} on T {{ a: x {{ ...f{n + 1} }} b: x {{ ...f{n + 1} }} }}" for n in range(levels)]
    return f"{{ ...f0 }} {' '.join(fragments)} fragment f{levels} on T {{ leaf }}"


class CountingMeasurer(_Measurer):
    looked = 0

    def selection(self, selections):
        CountingMeasurer.looked += 1
        return super().selection(selections)


@given(st.integers(1, 60))
def test_doubled_fragments_are_counted_at_every_spread_and_looked_at_once(levels):
    document = parse(doubled(levels))
    CountingMeasurer.looked = 0

    found = CountingMeasurer(document).selection(document.definitions[0].selection_set)

    # Two fields a level with a level below each, and a leaf at the end of every path.
    assert found.fields == 2 * (2**levels - 1) + 2**levels
    assert found.depth == levels + 1
    assert CountingMeasurer.looked <= 4 * levels + 2


def test_what_is_counted():
    found = measured(
        "query { a: x(n: 1) @include(if: true) { y { z } ... on T @skip(if: false) { z ...f } } w }"
        "fragment f on T { b: v }"
    )

    assert found == Measure(depth=3, fields=6, aliases=2, directives=2, introspects=False)


def test_introspection_may_be_deep_and_not_wide():
    deep = "{ __schema { " + "types { " * 30 + "name" + " }" * 30 + " } }"
    wide = "{ __schema { " + " ".join(f"a{n}: types {{ name }}" for n in range(31)) + " } }"

    guard(parse(deep), DocumentLimits(), introspection=True)

    with pytest.raises(LimitExceeded, match="31 aliases"):
        guard(parse(wide), DocumentLimits(), introspection=True)
    with pytest.raises(LimitExceeded, match="switched off"):
        guard(parse(deep), DocumentLimits(), introspection=False)


@pytest.mark.parametrize(
    "text",
    [
        "{ ...f } fragment f on T { a ...f }",
        "{ ...f } fragment f on T { ...g } fragment g on T { ...f }",
        "{ ...nowhere }",
    ],
)
def test_what_validation_will_refuse_does_not_run_for_ever_here(text):
    guard(parse(text), DocumentLimits(), introspection=True)


@pytest.mark.parametrize(
    "text, limit",
    [
        ("{ a { b { c } } }", "depth"),
        ("{ a { b } }", "fields"),
        ("{ x: a }", "aliases"),
        ("query @d { a }", "directives"),
        ("{ a b }", "root_fields"),
    ],
)
def test_each_limit_holds_at_its_own_edge(text, limit):
    document = parse(text)
    count = {"depth": 3, "fields": 2, "aliases": 1, "directives": 1, "root_fields": 2}[limit]

    guard(document, DocumentLimits(**{limit: count}), introspection=True)

    with pytest.raises(LimitExceeded, match=limit.replace("_", " ")):
        guard(document, DocumentLimits(**{limit: count - 1}), introspection=True)
