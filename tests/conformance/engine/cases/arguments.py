"""What resolvers are given: arguments from literals and variables, null, absent and default, enums, lists."""

from cases.model import Case, Error, World, schema_of

ECHO = schema_of(
    """
    enum Colour { RED GREEN NONE }
    scalar Weight
    type Query {
      plain(a: Int b: String c: Boolean d: Float e: ID): String
      must(a: Int!): String
      usual(a: Int = 5): String
      mustUsual(a: Int! = 5): String
      colour(a: Colour, b: [Colour!] = [RED]): String
      shown(a: Colour = GREEN): Colour
      many(a: [Int], b: [Int!], c: [[Int]]): String
      weight(a: Weight, b: [Weight] = ["1kg"]): Weight
      box(x: Int): Box
    }
    type Box { sum(y: Int = 2): Int x: Int inner(x: Int): Box }
    """,
    Colour=lambda kind: kind.values["NONE"].__setattr__("value", None),
    Weight=lambda kind: (
        setattr(kind, "coerce_input_value", grams),
        setattr(kind, "coerce_output_value", lambda value: f"{value}g"),
    ),
)


def grams(value):
    if not isinstance(value, str) or not value.endswith("kg"):
        raise ValueError("a weight is written in kg")
    return int(value[:-2]) * 1000


def told(_info, **arguments):
    """Exactly what the resolver was given."""
    return repr(arguments)


def box(x=None):
    return {"x": x, "sum": lambda _info, y: None if x is None else x + y, "inner": lambda _info, x=None: box(x)}


def echo():
    names = ("plain", "must", "usual", "mustUsual", "colour", "many")
    given = {
        "weight": lambda _info, a=None, **_others: a,
        "shown": lambda _info, a=None: a,
        "box": lambda _info, x=None: box(x),
    }
    return dict.fromkeys(names, told) | given


def query(call, declared=""):
    return f"query {declared}{{ r: {call} }}" if declared else f"{{ r: {call} }}"


def says(name, call, answer, declared="", variables=None):
    return Case(name, query(call, declared), {"r": answer}, variables=variables or {})


def located(name, call, declared, variables, message):
    return Case(name, query(call, declared), {"r": None}, (Error(("r",), message),), variables)


def refuses(name, call, declared, variables, why):
    return Case(name, query(call, declared), variables=variables, refused=why)


CASES = (
    says("no argument at all", "plain", "{}"),
    says(
        "every kind of literal",
        'plain(a: -3 b: "x\\n" c: true d: 1 e: 7)',
        "{'a': -3, 'b': 'x\\n', 'c': True, 'd': 1.0, 'e': '7'}",
    ),
    says("a block of text", 'plain(b: """\n  one\n    two\n""")', "{'b': 'one\\n  two'}"),
    says("a literal null", "plain(a: null)", "{'a': None}"),
    says("a variable", "plain(a: $a)", "{'a': 3}", "($a: Int)", {"a": 3}),
    says("a variable that is absent", 'plain(a: $a b: "x")', "{'b': 'x'}", "($a: Int)"),
    says("a variable that is null", "plain(a: $a)", "{'a': None}", "($a: Int)", {"a": None}),
    says("a variable with a default that is absent", "plain(a: $a)", "{'a': 9}", "($a: Int = 9)"),
    says("a variable with a default that is given", "plain(a: $a)", "{'a': 1}", "($a: Int = 9)", {"a": 1}),
    says("a variable with a default that is null", "plain(a: $a)", "{'a': None}", "($a: Int = 9)", {"a": None}),
    says("a variable whose default is null", "plain(a: $a)", "{'a': None}", "($a: Int = null)"),
    says("a variable that nobody declared is not looked at", "plain(a: 1)", "{'a': 1}", variables={"z": [{}]}),
    says("an argument's default", "usual", "{'a': 5}"),
    says("an argument's default gives way", "usual(a: 1)", "{'a': 1}"),
    says("an argument's default gives way to null", "usual(a: null)", "{'a': None}"),
    says("an argument's default where the variable is absent", "usual(a: $a)", "{'a': 5}", "($a: Int)"),
    says("an argument's default where the variable is null", "usual(a: $a)", "{'a': None}", "($a: Int)", {"a": None}),
    says("two defaults, of which the variable's is nearer", "usual(a: $a)", "{'a': 9}", "($a: Int = 9)"),
    says("a required argument with a default", "mustUsual", "{'a': 5}"),
    says("a required argument's default where the variable is absent", "mustUsual(a: $a)", "{'a': 5}", "($a: Int)"),
    says("a required argument", "must(a: $a)", "{'a': 0}", "($a: Int!)", {"a": 0}),
    says("a required variable with a default", "must(a: $a)", "{'a': 4}", "($a: Int! = 4)"),
    says("a nullable variable with a default is good enough", "must(a: $a)", "{'a': 4}", "($a: Int = 4)"),
    located(
        "but not where it is null",
        "must(a: $a)",
        "($a: Int = 4)",
        {"a": None},
        "Argument 'a' has invalid value: Expected variable '$a' provided to non-null type 'Int!' not to be None.",
    ),
    located(
        "nor where a default stands behind it",
        "mustUsual(a: $a)",
        "($a: Int)",
        {"a": None},
        "Argument 'a' has invalid value: Expected variable '$a' provided to non-null type 'Int!' not to be None.",
    ),
    refuses(
        "a required variable that is absent",
        "must(a: $a)",
        "($a: Int!)",
        {},
        "Variable '$a' has invalid value: Expected a value of non-null type 'Int!' to be provided.",
    ),
    refuses(
        "a required variable that is null",
        "must(a: $a)",
        "($a: Int!)",
        {"a": None},
        "Variable '$a' has invalid value: Expected value of non-null type 'Int!' not to be None.",
    ),
    refuses(
        "a text for a number",
        "plain(a: $a)",
        "($a: Int)",
        {"a": "3"},
        "Variable '$a' has invalid value: Int cannot represent non-integer value: '3'",
    ),
    refuses(
        "a number that is too large",
        "plain(a: $a)",
        "($a: Int)",
        {"a": 2**31},
        "Variable '$a' has invalid value: Int cannot represent non 32-bit signed integer value: 2147483648",
    ),
    refuses(
        "a number for a text",
        "plain(b: $a)",
        "($a: String)",
        {"a": 3},
        "Variable '$a' has invalid value: String cannot represent a non string value: 3",
    ),
    refuses(
        "a list for a text",
        "plain(b: $a)",
        "($a: String)",
        {"a": ["x"]},
        "Variable '$a' has invalid value: String cannot represent a non string value: ['x']",
    ),
    refuses(
        "a number for true",
        "plain(c: $a)",
        "($a: Boolean)",
        {"a": 1},
        "Variable '$a' has invalid value: Boolean cannot represent a non boolean value: 1",
    ),
    says(
        "a whole number as a fraction, and one as an id",
        "plain(d: $d e: $e)",
        "{'d': 2.0, 'e': '3'}",
        "($d: Float $e: ID)",
        {"d": 2, "e": 3},
    ),
    says("an enum's value", "colour(a: RED)", "{'a': 'RED', 'b': ['RED']}"),
    says("an enum's value that stands for null", "colour(a: NONE)", "{'a': None, 'b': ['RED']}"),
    says(
        "an enum's value in a variable",
        "colour(a: $a b: $b)",
        "{'a': 'GREEN', 'b': ['RED', 'GREEN']}",
        "($a: Colour $b: [Colour!])",
        {"a": "GREEN", "b": ["RED", "GREEN"]},
    ),
    says("an enum's default that goes out again", "shown", "GREEN"),
    says("an enum's value there and back", "shown(a: $a)", "RED", "($a: Colour)", {"a": "RED"}),
    refuses(
        "an enum's value that is none",
        "colour(a: $a)",
        "($a: Colour)",
        {"a": "BLUE"},
        "Variable '$a' has invalid value: Value 'BLUE' does not exist in 'Colour' enum.",
    ),
    refuses(
        "a number for an enum's value",
        "colour(a: $a)",
        "($a: Colour)",
        {"a": 1},
        "Variable '$a' has invalid value: Enum 'Colour' cannot represent non-string value: 1.",
    ),
    says("a list", "many(a: [1, null, 2])", "{'a': [1, None, 2]}"),
    says("one value where a list is wanted", "many(a: 1 b: 2 c: 3)", "{'a': [1], 'b': [2], 'c': [[3]]}"),
    says("one value in a variable where a list is wanted", "many(a: $a)", "{'a': [1]}", "($a: [Int])", {"a": 1}),
    says(
        "a list of lists of single values",
        "many(c: $a)",
        "{'c': [[1], None, [2, 3]]}",
        "($a: [[Int]])",
        {"a": [1, None, [2, 3]]},
    ),
    says("null where a list is wanted", "many(a: null, c: [null])", "{'a': None, 'c': [None]}"),
    says("variables within a list", "many(a: [$a, 2, $b])", "{'a': [1, 2, None]}", "($a: Int $b: Int)", {"a": 1}),
    located(
        "an absent variable within a list of required values",
        "many(b: [$a])",
        "($a: Int = 1)",
        {"a": None},
        "Argument 'b' has invalid value at [0]: Expected variable '$a' provided to non-null type 'Int!' not to "
        "be None.",
    ),
    refuses(
        "null within a list of required values",
        "many(b: $a)",
        "($a: [Int!])",
        {"a": [1, None]},
        "Variable '$a' has invalid value at [1]: Expected value of non-null type 'Int!' not to be None.",
    ),
    says("a scalar of one's own, there and back", 'weight(a: "2kg")', "2000g"),
    says("a scalar of one's own in a variable", "weight(a: $a)", "3000g", "($a: Weight)", {"a": "3kg"}),
    says("a scalar of one's own in a variable's default", "weight(a: $a)", "4000g", '($a: Weight = "4kg")'),
    refuses(
        "what the scalar does not take",
        "weight(a: $a)",
        "($a: Weight)",
        {"a": "2lb"},
        "Variable '$a' has invalid value: Expected value of type 'Weight', but encountered error 'a weight is "
        "written in kg'; found: '2lb'.",
    ),
    Case(
        "the same variable at several levels",
        "query ($x: Int) { box(x: $x) { sum(y: $x) inner(x: $x) { sum x } } }",
        {"box": {"sum": 6, "inner": {"sum": 5, "x": 3}}},
        variables={"x": 3},
    ),
    Case(
        "variables within fragments",
        "query ($x: Int!) { box(x: 1) { ...F } } fragment F on Box { sum(y: $x) ... { inner(x: $x) { x } } }",
        {"box": {"sum": 9, "inner": {"x": 8}}},
        variables={"x": 8},
    ),
    Case(
        "one field with other arguments under other names",
        "{ box(x: 1) { a: sum b: sum(y: 5) c: sum(y: 5) d: sum(y: null) } }",
        {"box": {"a": 3, "b": 6, "c": 6, "d": None}},
        (Error(("box", "d"), "unsupported operand type(s) for +: 'int' and 'NoneType'", ((1, 48),)),),
    ),
)

WORLDS = (World("arguments", ECHO, echo, CASES),)
