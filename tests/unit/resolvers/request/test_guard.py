import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from resolvers.policy.errors import LimitExceeded
from resolvers.request.document_facts import DocumentFacts, Measure, _Pass, collect_facts
from resolvers.request.document_limits import DocumentLimits, check_limits
from resolvers.schema import core_schema


def facts_of(text: str) -> DocumentFacts:
    return collect_facts(parse(text), core_schema)


def measured(text: str) -> Measure:
    return facts_of(text).measures[0][1]


def doubled(levels: int) -> str:
    fragments = [f"fragment f{n} on T {{ a: x {{ ...f{n + 1} }} b: x {{ ...f{n + 1} }} }}" for n in range(levels)]
    return f"{{ ...f0 }} {' '.join(fragments)} fragment f{levels} on T {{ leaf }}"


@given(st.integers(1, 60))
def test_doubled_fragments_are_counted_at_every_spread_and_walked_once(levels):
    with pytest.MonkeyPatch.context() as patch:
        walked, selection = [], _Pass._selection  # noqa: SLF001 - its calls are counted.
        patch.setattr(_Pass, "_selection", lambda self, *given: walked.append(given) or selection(self, *given))

        found = measured(doubled(levels))

    # Two fields a level with a level below each, and a leaf at the end of every path.
    assert found.fields == 2 * (2**levels - 1) + 2**levels
    assert found.depth == levels + 1
    assert len(walked) <= 4 * levels + 2


def test_what_is_counted():
    found = measured(
        "query { a: x(n: 1) @include(if: true) { y { z } ... on T @skip(if: false) { z ...f } } w }"
        "fragment f on T { b: v }"
    )

    assert found == Measure(depth=3, fields=6, aliases=2, directives=2, introspects=False)


def test_introspection_may_be_deep_and_not_wide():
    deep = "{ __schema { " + "types { " * 30 + "name" + " }" * 30 + " } }"
    wide = "{ __schema { " + " ".join(f"a{n}: types {{ name }}" for n in range(31)) + " } }"

    check_limits(facts_of(deep), DocumentLimits(), introspection=True)

    with pytest.raises(LimitExceeded, match="31 aliases"):
        check_limits(facts_of(wide), DocumentLimits(), introspection=True)
    with pytest.raises(LimitExceeded, match="switched off"):
        check_limits(facts_of(deep), DocumentLimits(), introspection=False)


@pytest.mark.parametrize(
    "text",
    [
        "{ ...f } fragment f on T { a ...f }",
        "{ ...f } fragment f on T { ...g } fragment g on T { ...f }",
        "{ ...nowhere }",
    ],
)
def test_what_validation_will_refuse_does_not_run_for_ever_here(text):
    check_limits(facts_of(text), DocumentLimits(), introspection=True)


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
    document = facts_of(text)
    count = {"depth": 3, "fields": 2, "aliases": 1, "directives": 1, "root_fields": 2}[limit]

    check_limits(document, DocumentLimits(**{limit: count}), introspection=True)

    with pytest.raises(LimitExceeded, match=limit.replace("_", " ")):
        check_limits(document, DocumentLimits(**{limit: count - 1}), introspection=True)
