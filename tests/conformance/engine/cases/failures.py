"""Errors: raised and returned, with places, paths and extensions; and values that cannot be printed."""

from cases.model import Case, Error, World, fails, schema_of
from graphql import GraphQLError, Undefined

BROKEN = schema_of(
    """
    enum Size { SMALL LARGE }
    scalar Odd
    type Query {
      text: String number: Int real: Float yes: Boolean id: ID size: Size sizes: [Size] odd: Odd odds: [Odd!] sure: Int!
      inner: Query list: [Query] take(a: Int!): Int
    }
    """,
    Odd=lambda kind: setattr(kind, "coerce_output_value", odd),
)


def odd(value):
    if isinstance(value, Exception):
        raise value
    if value == "twice":
        return [value, value]
    return None if value == "nothing" else Undefined if value == "undefined" else value


def broken():
    return {"text": "t", "number": 1}


def raises(error):
    def fail(_info, **_arguments):
        raise error

    return fail


class Quiet(Exception):
    """An exception that counts as false."""

    def __bool__(self):
        return False


def one(name, field, value, printed):
    return Case(name, f"{{ {field} }}", {field: printed}, root={field: value})


def name_of(field):
    return field.split()[0]


def bad(name, field, value, message):
    return Case(
        name,
        f"{{ text {field} }}",
        {"text": None, name_of(field): None},
        (Error((name_of(field),), message, ((1, 8),)),),
        root={name_of(field): value},
    )


CODED = GraphQLError("not for you", extensions={"code": "FORBIDDEN", "scope": "x"})

CASES = (
    bad("a failure", "number", fails("gone"), "gone"),
    bad("a failure that was returned", "number", ValueError("gone"), "gone"),
    bad("a failure that counts as false", "number", Quiet("gone"), "gone"),
    bad("an object's failure that counts as false", "inner { text }", Quiet("gone"), "gone"),
    Case(
        "objects that are not defined",
        "{ inner { text } list { text } }",
        {"inner": None, "list": [None]},
        root={"inner": Undefined, "list": [Undefined]},
    ),
    bad("a failure without a word", "number", raises(RuntimeError()), ""),
    Case(
        "a code",
        "{ text }",
        {"text": None},
        (Error(("text",), "not for you", ((1, 3),), {"code": "FORBIDDEN", "scope": "x"}),),
        root={"text": raises(CODED)},
    ),
    Case(
        "a code that was returned",
        "{ text }",
        {"text": None},
        (Error(("text",), "not for you", ((1, 3),), {"code": "FORBIDDEN", "scope": "x"}),),
        root={"text": CODED},
    ),
    Case(
        "one exception for many",
        "{ list { text } number }",
        {"list": [{"text": None}, {"text": None}], "number": None},
        (
            Error(("list", 0, "text"), "not for you", ((1, 10),), {"code": "FORBIDDEN", "scope": "x"}),
            Error(("list", 1, "text"), "not for you", ((1, 10),), {"code": "FORBIDDEN", "scope": "x"}),
        ),
        root={"list": [{"text": CODED}, {"text": CODED}]},
    ),
    Case(
        "paths go by names in the answer",
        "{ a: inner { b: list { c: text d: number } } }",
        {"a": {"b": [{"c": None, "d": 1}]}},
        (Error(("a", "b", 0, "c"), "gone", ((1, 24),)),),
        root={"inner": {"list": [{"text": fails("gone"), "number": 1}]}},
    ),
    Case(
        "a field at two places has two places",
        "{ text\n  ...F }\nfragment F on Query { text }",
        {"text": None},
        (Error(("text",), "gone", ((1, 3), (3, 23))),),
        root={"text": fails("gone")},
    ),
    Case(
        "a field below at two places has two places",
        "{ inner { text } ... { inner { number text } } }",
        {"inner": {"text": None, "number": 2}},
        (Error(("inner", "text"), "gone", ((1, 11), (1, 39))),),
        root={"inner": {"text": fails("gone"), "number": 2}},
    ),
    Case(
        "one failing field under two names fails twice",
        "{ a: text b: text }",
        {"a": None, "b": None},
        (Error(("a",), "gone", ((1, 3),)), Error(("b",), "gone", ((1, 11),))),
        root={"text": fails("gone")},
    ),
    Case(
        "places of a block of text",
        "{\n  text\n\n    number\n}",
        {"text": "t", "number": None},
        (Error(("number",), "gone", ((4, 5),)),),
        root={"text": "t", "number": fails("gone")},
    ),
    Case(
        "several failures in several places",
        "{ text number inner { text } list { number } }",
        {"text": None, "number": None, "inner": {"text": None}, "list": [{"number": None}]},
        (
            Error(("text",), "1"),
            Error(("number",), "2"),
            Error(("inner", "text"), "3"),
            Error(("list", 0, "number"), "4"),
        ),
        root={
            "text": fails("1"),
            "number": fails("2"),
            "inner": {"text": fails("3")},
            "list": [{"number": fails("4")}],
        },
    ),
    one("a number as text", "text", 12, "12"),
    one("truth as text", "text", True, "true"),
    one("a fraction as text", "text", 1.5, "1.5"),
    one("a whole fraction as a number", "number", 3.0, 3),
    one("truth as a number", "number", True, 1),
    one("digits as a number", "number", "12", 12),
    one("a number as a fraction", "real", 3, 3.0),
    one("a number as truth", "yes", 1, True),
    one("a number as an id", "id", 12, "12"),
    one("a text that counts as false", "text", "", ""),
    one("nought", "number", 0, 0),
    one("untruth", "yes", False, False),
    one("what is not defined", "text", Undefined, None),
    one("what is not defined, as a scalar of one's own", "odd", Undefined, None),
    one("a list as a scalar", "odd", "twice", ["twice", "twice"]),
    one("an enum's value", "size", "LARGE", "LARGE"),
    Case(
        "what is not defined where it must be",
        "{ sure }",
        None,
        (Error(("sure",), "Cannot return null for non-nullable field Query.sure."),),
        root={"sure": Undefined},
    ),
    bad(
        "a number that is too large",
        "number",
        2**31,
        "Int cannot represent non 32-bit signed integer value: 2147483648",
    ),
    bad("a fraction as a number", "number", 1.5, "Int cannot represent non-integer value: 1.5"),
    bad("no number at all", "real", float("nan"), "Float cannot represent non numeric value: nan"),
    bad("a list as text", "number", [1], "Int cannot represent non-integer value: [1]"),
    bad("an enum's value that is none", "size", "HUGE", "Enum 'Size' cannot represent value: 'HUGE'"),
    bad("an enum's value that cannot be looked up", "size", {}, "Enum 'Size' cannot represent value: {}"),
    bad(
        "a scalar that says nothing",
        "odd",
        "nothing",
        "Expected `Odd.coerce_output_value('nothing')` to return non-nullable value, returned: None",
    ),
    bad(
        "a scalar that says nothing defined",
        "odd",
        "undefined",
        "Expected `Odd.coerce_output_value('undefined')` to return non-nullable value, returned: Undefined",
    ),
    Case(
        "a scalar that fails within a list",
        "{ odds text }",
        {"odds": None, "text": "t"},
        (
            Error(
                ("odds", 1),
                "Expected `Odd.coerce_output_value('nothing')` to return non-nullable value, returned: None",
                ((1, 3),),
            ),
        ),
        root={"odds": [1, "nothing"], "text": "t"},
    ),
    Case(
        "enum values within a list",
        "{ sizes }",
        {"sizes": ["SMALL", None, None]},
        (Error(("sizes", 1), "Enum 'Size' cannot represent value: 'HUGE'"),),
        root={"sizes": ["SMALL", "HUGE", None]},
    ),
    Case("an object that is a number", "{ inner { text } }", {"inner": {"text": None}}, root={"inner": 7}),
    Case(
        "an argument that fails lets its neighbours be",
        "query ($a: Int = 1) { take(a: $a) text }",
        {"take": None, "text": "t"},
        (
            Error(
                ("take",),
                "Argument 'a' has invalid value: Expected variable '$a' provided to non-null type 'Int!' not to "
                "be None.",
            ),
        ),
        variables={"a": None},
    ),
    Case(
        "an argument that fails fails for every object",
        "query ($a: Int = 1) { list { take(a: $a) text } }",
        {"list": [{"take": None, "text": "1"}, {"take": None, "text": "2"}]},
        tuple(
            Error(
                ("list", place, "take"),
                "Argument 'a' has invalid value: Expected variable '$a' provided to non-null type 'Int!' not to "
                "be None.",
            )
            for place in range(2)
        ),
        variables={"a": None},
        root={"list": [{"text": "1"}, {"text": "2"}]},
    ),
)

WORLDS = (World("failures", BROKEN, broken, CASES),)
