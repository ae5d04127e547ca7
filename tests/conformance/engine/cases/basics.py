"""Choosing an operation, aliases, fragments, merging, order, depth."""

from functools import reduce

from cases.model import Case, World, fails, later, schema_of

GARDEN = schema_of("""
    schema { query: Garden mutation: Work subscription: News }
    type Garden { name: String bed(number: Int = 1): Bed best: Bed! tall: Plant self: Garden broken: String size: Int }
    type Work { dig: Int }
    type News { rain: Int }
    type Bed { number: Int plants: [Plant!]! first: Plant owner: Owner garden: Garden }
    type Plant { name: String height: Int bed: Bed mother: Plant }
    type Owner { name: String beds: [Bed] }
""")


def garden():
    fern = {"name": "fern", "height": 30, "mother": {"name": "old fern", "height": 70}}
    moss = {"name": "moss", "height": 2, "mother": None}
    bed = {"number": 1, "plants": [fern, moss], "first": later(fern), "owner": {"name": "Ada", "beds": []}}
    fern["bed"] = bed
    root = {"name": "kew", "best": bed, "tall": later(fern), "broken": fails("no gate"), "size": 40, "dig": 5}
    root["bed"] = lambda _info, number: dict(bed, number=number)
    root["self"] = root
    bed["garden"] = root
    return root


def deep(levels):
    """The engine leaves it to graphql-core where it might run into Python's limit."""
    text = "{" + "self {" * levels + "name size" + "}" * levels + "}"
    data = reduce(lambda inner, _: {"self": inner}, range(levels), {"name": "kew", "size": 40})
    return Case(f"{levels} levels", text, data, by_graphql_core=levels >= 50)


CASES = (
    Case("nothing but the type's name", "{ __typename }", {"__typename": "Garden"}),
    Case("the type's name of a mutation", "mutation { __typename dig }", {"__typename": "Work", "dig": 5}),
    Case("the type's name under an alias, twice", "{ a: __typename b: __typename }", {"a": "Garden", "b": "Garden"}),
    Case(
        "the type's name at every level",
        "{ __typename best { __typename plants { __typename mother { __typename } } } }",
        {
            "__typename": "Garden",
            "best": {
                "__typename": "Bed",
                "plants": [
                    {"__typename": "Plant", "mother": {"__typename": "Plant"}},
                    {"__typename": "Plant", "mother": None},
                ],
            },
        },
    ),
    Case("an operation without a name", "{ name }", {"name": "kew"}),
    Case("the only operation has a name that nobody says", "query A { name }", {"name": "kew"}),
    Case("the first of two operations", "query A { name } query B { size }", {"name": "kew"}, operation="A"),
    Case("the second of two operations", "query A { name } query B { size }", {"size": 40}, operation="B"),
    Case("the mutation beside a query", "query A { name } mutation B { dig }", {"dig": 5}, operation="B"),
    Case(
        "two operations that share a fragment",
        "query A { ...F size } query B { ...F } fragment F on Garden { name }",
        {"name": "kew"},
        operation="B",
    ),
    Case(
        "a condition of the other operation's variable",
        "query A($a: Boolean!) { name @skip(if: $a) } query B { size }",
        {"size": 40},
        operation="B",
    ),
    Case(
        "the other operation asks for the schema",
        "query A { __schema { queryType { name } } } query B { size }",
        {"size": 40},
        operation="B",
    ),
    Case(
        "the schema beside data",
        "{ __schema { queryType { name } } name }",
        {"__schema": {"queryType": {"name": "Garden"}}, "name": "kew"},
        by_graphql_core=True,
    ),
    Case(
        "the schema within a fragment",
        '{ ...F size } fragment F on Garden { ... on Garden { kind: __type(name: "Bed") { kind } } }',
        {"kind": {"kind": "OBJECT"}, "size": 40},
        by_graphql_core=True,
    ),
    Case("one field under two names", "{ a: name b: name name }", {"a": "kew", "b": "kew", "name": "kew"}),
    Case("a field under another field's name", "{ name: size size: name }", {"name": 40, "size": "kew"}),
    Case(
        "arguments differ under two names",
        "{ a: bed { number } b: bed(number: 7) { number } }",
        {"a": {"number": 1}, "b": {"number": 7}},
    ),
    Case("a field asked for twice", "{ name name ...F } fragment F on Garden { name }", {"name": "kew"}),
    Case(
        "order is that of the document",
        "{ size tall { height } name }",
        {"size": 40, "tall": {"height": 30}, "name": "kew"},
    ),
    Case(
        "order is where a key first stands",
        "{ size ...F name } fragment F on Garden { name tall { name } size }",
        {"size": 40, "name": "kew", "tall": {"name": "fern"}},
    ),
    Case(
        "selections of one key become one, deeply",
        "{ best { owner { name } } best { number owner { beds { number } } first { mother { name } } } ...F }"
        " fragment F on Garden { best { first { mother { height } name } } }",
        {
            "best": {
                "owner": {"name": "Ada", "beds": []},
                "number": 1,
                "first": {"mother": {"name": "old fern", "height": 70}, "name": "fern"},
            }
        },
    ),
    Case(
        "selections of one key in a list become one",
        "{ best { plants { name } plants { height } } }",
        {"best": {"plants": [{"name": "fern", "height": 30}, {"name": "moss", "height": 2}]}},
    ),
    Case(
        "a fragment within a fragment within a fragment",
        "{ ...A } fragment A on Garden { ...B } fragment B on Garden { ...C } fragment C on Garden { name }",
        {"name": "kew"},
    ),
    Case(
        "a fragment spread at two places",
        "{ best { ...F } bed(number: 2) { ...F } } fragment F on Bed { number first { name } }",
        {"best": {"number": 1, "first": {"name": "fern"}}, "bed": {"number": 2, "first": {"name": "fern"}}},
    ),
    Case("a fragment spread twice at one place", "{ ...F ...F } fragment F on Garden { name }", {"name": "kew"}),
    Case("a fragment without a type", "{ ... { name ... { size } } }", {"name": "kew", "size": 40}),
    Case("a fragment on its own type", "{ ... on Garden { name } }", {"name": "kew"}),
    Case(
        "what is not there is null",
        "{ best { first { bed { owner { name } } } } tall { mother { bed { number } } } }",
        {"best": {"first": {"bed": {"owner": {"name": "Ada"}}}}, "tall": {"mother": {"bed": None}}},
    ),
    Case("no values at all", "{ name size tall { name } }", {"name": None, "size": None, "tall": None}, root={}),
    Case(
        "attributes instead of keys",
        "{ best { number } }",
        {"best": {"number": 3}},
        root=type("Root", (), {"best": type("Bed", (), {"number": 3})()})(),
    ),
    Case(
        "methods are called",
        "{ bed(number: 4) { number } }",
        {"bed": {"number": 4}},
        root=type("Root", (), {"bed": lambda _self, _info, number: {"number": number}})(),
    ),
    *(deep(levels) for levels in (40, 49, 50, 70)),
    Case(
        "levels within fragments count wherever they are spread",
        "{ ...F self { ...F } } fragment F on Garden {" + "self {" * 49 + "name" + "}" * 49 + "}",
        {"self": reduce(lambda inner, _: {"self": inner}, range(48), {"name": "kew", "self": {"name": "kew"}})},
        by_graphql_core=True,
    ),
    Case(
        "forty names for one field",
        "{" + " ".join(f"n{number}: name" for number in range(40)) + "}",
        {f"n{number}": "kew" for number in range(40)},
    ),
    Case(
        "keys that are words of Python",
        "{ class: name None: size def: name }",
        {"class": "kew", "None": 40, "def": "kew"},
    ),
    Case(
        "keys that look like the engine's own",
        "{ o: name x0: size rows: name v: size }",
        {"o": "kew", "x0": 40, "rows": "kew", "v": 40},
    ),
)

WORLDS = (World("basics", GARDEN, garden, CASES),)
