"""A document is refused for whatever graphql-core would refuse it, in its words; and only then."""

import random
import re
from itertools import pairwise

import pytest
from graphql import GraphQLError, GraphQLSchema, GraphQLSyntaxError, build_schema, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as some
from support.operations import Writer

from engine.validation import find_problems, rules_of
from resolvers.schema import core_schema

PETS = build_schema(
    """
    directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
    directive @stream(if: Boolean! = true, label: String, initialCount: Int = 0) on FIELD
    directive @once(why: String!) on FIELD
    input Size { width: Int! height: Int }
    input Way @oneOf { name: String number: Int }
    interface Pet { name: String }
    type Dog implements Pet { name: String barks: Boolean mother: Dog puppies: [Dog] sized(size: Size!): Dog }
    type Cat implements Pet { name: String }
    union Any = Dog | Cat
    type Query { dog: Dog cat: Cat pet(by: Way): Pet must(by: Way!): Pet any: Any dogs: [Dog] }
    type Mutation { born: Dog }
    type Subscription { born: Dog barked: Dog }
    """
)
# For each rule documents that break it: what they show is that the rule is asked, wherever its mark stands.
BROKEN = {
    "ExecutableDefinitionsRule": ["type A { a: Int } { dog { name } }"],
    "KnownOperationTypesRule": [],
    "UniqueOperationNamesRule": ["query A { dog { name } } query A { cat { name } }"],
    "LoneAnonymousOperationRule": ["{ dog { name } } query A { cat { name } }"],
    "SingleFieldSubscriptionsRule": ["subscription { born { name } barked { name } }"],
    "KnownTypeNamesRule": ["{ pet { ... on Bird { name } } }", "query ($a: Bird) { dog { name } }"],
    "FragmentsOnCompositeTypesRule": ["{ dog { ...F } } fragment F on Boolean { name }"],
    "VariablesAreInputTypesRule": ["query ($a: Dog) { dog { name } }"],
    "ScalarLeafsRule": ["{ dog }", "{ dog { name { length } } }"],
    "FieldsOnCorrectTypeRule": ["{ dog { miaows } }", "{ dog { ... on Pet { barks } } }"],
    "UniqueFragmentNamesRule": ["{ dog { ...F } } fragment F on Dog { name } fragment F on Dog { barks }"],
    "KnownFragmentNamesRule": ["{ dog { ...F } }"],
    "NoUnusedFragmentsRule": ["{ dog { name } } fragment F on Dog { name }"],
    "PossibleFragmentSpreadsRule": ["{ dog { ... on Cat { name } } }", "{ dog { ...F } } fragment F on Cat { name }"],
    "NoFragmentCyclesRule": [
        "{ dog { ...F } } fragment F on Dog { mother { ...G } } fragment G on Dog { mother { ...F } }"
    ],
    "UniqueVariableNamesRule": ["query ($a: Way, $a: Way) { pet(by: $a) { name } }"],
    "NoUndefinedVariablesRule": [
        "{ pet(by: $a) { name } }",
        "{ pet(by: { name: $a }) { name } }",
        "fragment F on Query { pet(by: { name: $a }) { name } } { ...F }",
        "query A($a: Way) { ...F } query B { ...F } fragment F on Query { pet(by: $a) { name } }",
        "{ dog { name @skip(if: $a) } }",
    ],
    "NoUnusedVariablesRule": ["query ($a: Way) { dog { name } }"],
    "KnownDirectivesRule": ["{ dog { name @twice } }", "query @skip(if: true) { dog { name } }"],
    "UniqueDirectivesPerLocationRule": ["{ dog { name @skip(if: true) @skip(if: true) } }"],
    "DeferStreamDirectiveOnRootField": ["mutation { ...F @defer } fragment F on Mutation { born { name } }"],
    "DeferStreamDirectiveOnValidOperationsRule": ["subscription { born { ...F @defer } } fragment F on Dog { name }"],
    "DeferStreamDirectiveLabel": [
        '{ dog { ...F @defer(label: "a") mother { ...F @defer(label: "a") } } } fragment F on Dog { name }'
    ],
    "StreamDirectiveOnListField": ["{ dog { mother @stream { name } } }"],
    "KnownArgumentNamesRule": ["{ pet(of: 1) { name } }", '{ dog { name @skip(if: true, unless: "x") } }'],
    "UniqueArgumentNamesRule": ["{ pet(by: {number: 1}, by: {number: 1}) { name } }"],
    "ValuesOfCorrectTypeRule": [
        '{ pet(by: {number: "one"}) { name } }',
        "{ pet(by: {}) { name } }",
        '{ pet(by: {number: 1, name: "a"}) { name } }',
        "{ pet(by: {number: null}) { name } }",
        "{ dog { sized(size: {height: 1}) { name } } }",
        "{ dog { name @skip(if: 1) } }",
    ],
    "ProvidedRequiredArgumentsRule": ["{ dog { sized { name } } }", "{ dog { name @once } }", "{ dog { name @skip } }"],
    "VariablesInAllowedPositionRule": [
        "query ($a: Int) { dog { name @skip(if: $a) } }",
        "query ($a: Boolean) { dog { ...F } } fragment F on Dog { name @skip(if: $a) }",
        "query ($a: Int) { pet(by: {number: $a}) { name } }",
    ],
    "OverlappingFieldsCanBeMergedRule": [
        "{ dog { a: name a: barks } }",
        "{ dog { mother { a: name } ...F } } fragment F on Dog { mother { a: barks } }",
    ],
    "OneOfVariablesRule": [
        "query ($a: Int) { must(by: {number: $a}) { name } }",
        "query ($a: Int) { ...F } fragment F on Query { must(by: {number: $a}) { name } }",
    ],
    "UniqueInputFieldNamesRule": ["{ dog { sized(size: {width: 1, width: 2}) { name } } }"],
    "MaxIntrospectionDepthRule": ["{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"],
}
VALID = [
    "{ dog { name } }",
    "query ($a: Way) { pet(by: $a) { name ... on Dog { barks } } any { __typename ... on Cat { name } } }",
    "query ($a: Int!) { pet(by: {number: $a}) { name } must(by: {number: $a}) { name } }",
    "query ($a: Way!) { must(by: $a) { name } }",
    "fragment F on Query { pet(by: {number: $a}) { name } } query ($a: Int!) { ...F }",
    "query A($a: Int!) { ...F } query B($a: Int!) { ...F } fragment F on Query { pet(by: {number: $a}) { name } }",
    "query ($s: Boolean! = true) { dog { ...F @skip(if: $s) } } fragment F on Dog { ...G } fragment G on Dog { name }",
    '{ pet(by: {name: "$ @skip ... fragment"}) { name } }',
    "{ dogs @stream(initialCount: 1) { ... @defer { name } } }",
    "subscription { born { name } }",
    "{ __schema { types { name fields { name } } } }",
]


def told(errors: list[GraphQLError]) -> list[dict]:
    return [error.formatted for error in errors]


def check(core: GraphQLSchema, text: str) -> list[GraphQLError]:
    document = parse(text)
    expected = validate(core, document, rules_of(core), max_errors=20)
    assert told(find_problems(core, document, text)) == told(expected)
    return expected


def test_every_rule_has_documents_that_break_it():
    assert set(BROKEN) == {rule.__name__ for rule in rules_of(PETS)}


@pytest.mark.parametrize("rule, text", [(rule, text) for rule, texts in BROKEN.items() for text in texts])
def test_a_broken_rule_is_told_as_graphql_core_tells_it(rule, text):
    [asked] = [known for known in rules_of(PETS) if known.__name__ == rule]
    assert validate(PETS, parse(text), [asked]), "the document is about this rule"

    assert check(PETS, text)


def test_an_operation_that_the_schema_does_not_have_is_refused():
    assert "subscription" in check(build_schema("type Query { a: Int }"), "subscription { news }")[0].message


@pytest.mark.parametrize("text", VALID)
def test_a_valid_document_is_valid(text):
    assert check(PETS, text) == []


def test_a_valid_document_is_not_validated_again(monkeypatch):
    monkeypatch.setattr("engine.validation.validate", None)
    assert [find_problems(PETS, parse(text), text) for text in VALID] == [[]] * len(VALID)


@pytest.mark.parametrize(
    "text",
    [
        "{ client(by: {clientNumber: $x}) { fullName } }",
        "fragment F on Query { client(by: {clientNumber: $x}) { fullName } } query ($x: Int!) { ...F }",
        "query A($x: Int!) { ...F } query B { ...F } fragment F on Query { client(by: {clientNumber: $x}) { id } }",
        "query ($x: Int) { client(by: {clientNumber: $x}) { fullName } }",
        "{ client(by: {}) { fullName } }",
        "{ client(by: {clientNumber: null}) { fullName } }",
        '{ client(by: {clientNumber: 1, email: "a"}) { fullName } }',
    ],
)
def test_variables_and_values_of_a_one_of_are_checked(text):
    document = parse(text)
    valid = text.startswith("fragment")

    assert bool(find_problems(core_schema, document, text)) is not valid
    assert check(core_schema, text) or valid


@pytest.mark.parametrize("directive", ["@stream", "@defer", "@stream(initialCount: 1)"])
def test_a_directive_that_the_schema_lacks_is_refused_at_a_union_too(directive):
    text = f'mutation {{ deposit(input: {{account: {{id: "x"}}, amount: "1"}}) {{ __typename {directive} }} }}'

    messages = [error.message for error in check(core_schema, text)]

    assert f"Unknown directive '@{directive[1:].partition('(')[0]}'." in messages


def test_fragments_that_nest_too_deeply_are_refused():
    nested = "mother { ... { " * 40
    names = "ABCDEFGH"
    fragments = [f"fragment {a} on Dog {{ {nested} ...{b} {'} }' * 40} }}" for a, b in pairwise(names)]
    text = f"{{ dog {{ ...A }} }} {' '.join(fragments)} fragment H on Dog {{ name }}"

    assert check(PETS, text)


@settings(max_examples=150)
@given(some.integers(min_value=0), some.booleans(), some.data())
def test_random_documents_are_told_apart_as_by_graphql_core(seed, ours, data):
    core = core_schema if ours else PETS
    text = Writer(core, random.Random(seed)).document()
    words = re.findall(r'"[^"]*"|[\w$@]+|\.\.\.|\S', text)
    for place in data.draw(some.lists(some.integers(0, len(words) - 1), max_size=2)):
        words[place] = data.draw(some.sampled_from(words))
    try:
        parse(" ".join(words))
    except GraphQLSyntaxError:
        return
    check(core, " ".join(words))
