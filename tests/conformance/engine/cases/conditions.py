"""@skip and @include, alone and together, on fields and fragments, by literals and by variables."""

from itertools import product

from cases.model import Case, World, schema_of

PAIR = schema_of("type Query { a: String b: String inner: Query list: [Query] }")


def pair():
    inner = {"a": "A", "b": "B", "list": [{"a": "1"}, {"a": "2"}]}
    return inner | {"inner": inner}


def both(skip, include):
    kept = {"a": "A"} if include and not skip else {}
    text = f"{{ b a @skip(if: {str(skip).lower()}) @include(if: {str(include).lower()}) }}"
    return Case(f"skip {skip} and include {include}", text, {"b": "B", **kept})


def both_variables(skip, include):
    kept = {"a": "A"} if include and not skip else {}
    text = "query ($s: Boolean!, $i: Boolean!) { b a @include(if: $i) @skip(if: $s) }"
    return Case(
        f"skip {skip} and include {include} by variables", text, {"b": "B", **kept}, variables={"s": skip, "i": include}
    )


CHOICES = list(product((True, False), repeat=2))
TURNS = """
    query ($x: Boolean! = true) { ...F @include(if: $x) ... @skip(if: $x) { a } inner { ...F } }
    fragment F on Query { b }
"""

CASES = (
    *(both(*choice) for choice in CHOICES),
    *(both_variables(*choice) for choice in CHOICES),
    Case("nothing is left", "{ a @skip(if: true) }", {}),
    Case("nothing is left of an object", "{ inner { a @include(if: false) } b }", {"inner": {}, "b": "B"}),
    Case("nothing is left of a list's objects", "{ list { a @skip(if: true) } }", {"list": [{}, {}]}),
    Case("an object with all that is below it", "{ inner @skip(if: true) { a } b }", {"b": "B"}),
    Case("a fragment that is spread", "{ ...F @include(if: false) b } fragment F on Query { a }", {"b": "B"}),
    Case(
        "a fragment that is spread again",
        "{ ...F @include(if: false) b ...F } fragment F on Query { a }",
        {"b": "B", "a": "A"},
    ),
    Case("a fragment in place", "{ ... on Query @skip(if: true) { a } b }", {"b": "B"}),
    Case("a fragment without a type", "{ ... @include(if: true) { a } ... @include(if: false) { b } }", {"a": "A"}),
    Case(
        "a field that another selection asks for still",
        "{ a @skip(if: true) a b @include(if: false) ... { b } }",
        {"a": "A", "b": "B"},
    ),
    Case(
        "parts of an object that is asked for twice",
        "{ inner { a } inner @skip(if: true) { b } }",
        {"inner": {"a": "A"}},
    ),
    Case("a variable's default says yes", TURNS, {"b": "B", "inner": {"b": "B"}}),
    Case(
        "the variable says no in spite of its default", TURNS, {"a": "A", "inner": {"b": "B"}}, variables={"x": False}
    ),
    Case("a nullable variable with a default", "query ($x: Boolean = false) { a @include(if: $x) b }", {"b": "B"}),
    Case(
        "a nullable variable with a default, given",
        "query ($x: Boolean = false) { a @include(if: $x) b }",
        {"a": "A", "b": "B"},
        variables={"x": True},
    ),
    Case(
        "the variable is an argument's, too",
        "query ($x: Boolean!) { a @skip(if: $x) b @include(if: $x) }",
        {"b": "B"},
        variables={"x": True},
    ),
    Case(
        "the type's name", "{ __typename @skip(if: true) b t: __typename @include(if: true) }", {"b": "B", "t": "Query"}
    ),
    Case("order is that of what is left", "{ a @skip(if: true) b a }", {"b": "B", "a": "A"}),
    Case(
        "the variable is no truth",
        "query ($x: Boolean!) { a @skip(if: $x) }",
        variables={"x": "yes"},
        refused="Variable '$x' has invalid value: Boolean cannot represent a non boolean value: 'yes'",
    ),
)

WORLDS = (World("conditions", PAIR, pair, CASES),)
