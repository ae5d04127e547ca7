"""Lists of everything: what counts as one, null within, failures within, lists of lists."""

from collections import UserList

from cases.model import Case, Error, World, fails, gives, later, no_null, schema_of

SHELF = schema_of("""
    type Query {
      free: [Int] hard: [Int!] must: [Int]! both: [Int!]!
      grid: [[Int]] hardGrid: [[Int!]!]! mixedGrid: [[Int!]] cube: [[[Book]]] books: [Book] best: [Book!]
    }
    type Book { title: String! pages: [Int!] tags: [String] next: [[Book!]] }
""")


def shelf():
    return {"free": [1, 2]}


def numbers(*values, then=None):
    def make():
        yield from values
        if then is not None:
            raise then

    return gives(make)


def numbers_later(*values, then=None):
    async def make():
        for value in values:
            yield value
        if then is not None:
            raise then

    return gives(make)


async def soon(value):
    if isinstance(value, Exception):
        raise value
    return value


class Countdown:
    """Something of ours that can be gone through and is no list."""

    def __iter__(self):
        return iter((3, 2, 1))


NOT_A_LIST = "Expected Iterable, but did not find one for field 'Query.free'."
BAD_INT = "Int cannot represent non-integer value: 'x'"

CASES = (
    Case("a list", "{ free }", {"free": [1, 2]}),
    Case(
        "an empty list, and empty ones within",
        "{ free grid books { title } cube { title } }",
        {"free": [], "grid": [[], []], "books": [], "cube": [[], [[]]]},
        root={"free": [], "grid": [[], []], "books": [], "cube": [[], [[]]]},
    ),
    Case("a tuple", "{ free }", {"free": [1, 2]}, root={"free": (1, 2)}),
    Case("a set", "{ free }", {"free": [7]}, root={"free": {7}}),
    Case(
        "a frozen set, an iterator of a dictionary's keys, a range",
        "{ free hard both }",
        {"free": [7], "hard": [1], "both": [0, 1]},
        root={"free": frozenset({7}), "hard": {1: 2}.keys(), "both": range(2)},
    ),
    Case("a generator", "{ free }", {"free": [1, 2]}, root={"free": numbers(1, 2)}),
    Case(
        "a generator that fails half-way",
        "{ free }",
        {"free": None},
        (Error(("free",), "torn", ((1, 3),)),),
        root={"free": numbers(1, then=RuntimeError("torn"))},
    ),
    Case("an asynchronous generator", "{ free }", {"free": [1, 2]}, root={"free": numbers_later(1, 2)}),
    Case("an asynchronous generator that is empty", "{ both }", {"both": []}, root={"both": numbers_later()}),
    Case(
        "an asynchronous generator that fails half-way",
        "{ free }",
        {"free": None},
        (Error(("free",), "torn"),),
        root={"free": numbers_later(1, then=RuntimeError("torn"))},
    ),
    Case(
        "an asynchronous generator with a null",
        "{ free hard }",
        {"free": [1, None], "hard": None},
        (no_null(("hard", 1), "Query.hard"),),
        root={"free": numbers_later(1, None), "hard": numbers_later(1, None)},
    ),
    Case(
        "an asynchronous generator with a failure within",
        "{ free }",
        {"free": [1, None]},
        (Error(("free", 1), "bad"),),
        root={"free": numbers_later(1, RuntimeError("bad"))},
    ),
    Case(
        "something else to go through",
        "{ free hard }",
        {"free": [3, 2, 1], "hard": [4]},
        root={"free": Countdown(), "hard": UserList([4])},
    ),
    Case("a text is no list", "{ free }", {"free": None}, (Error(("free",), NOT_A_LIST),), root={"free": "12"}),
    Case("bytes are no list", "{ free }", {"free": None}, (Error(("free",), NOT_A_LIST),), root={"free": b"12"}),
    Case(
        "a dictionary is no list", "{ free }", {"free": None}, (Error(("free",), NOT_A_LIST),), root={"free": {"a": 1}}
    ),
    Case("a number is no list", "{ free }", {"free": None}, (Error(("free",), NOT_A_LIST),), root={"free": 1}),
    Case("a list that is null", "{ free hard }", {"free": None, "hard": None}, root={}),
    Case("a required list that is null", "{ must }", None, (no_null(("must",), "Query.must"),), root={}),
    Case(
        "null within each kind of list",
        "{ free must }",
        {"free": [1, None, 2], "must": [None]},
        root={"free": [1, None, 2], "must": [None]},
    ),
    Case(
        "null where elements are required",
        "{ hard }",
        {"hard": None},
        (no_null(("hard", 1), "Query.hard", (1, 3)),),
        root={"hard": [1, None, 2]},
    ),
    Case(
        "null where everything is required",
        "{ both }",
        None,
        (no_null(("both", 0), "Query.both"),),
        root={"both": [None]},
    ),
    Case(
        "an exception as an element",
        "{ free }",
        {"free": [1, None, 2]},
        (Error(("free", 1), "bad"),),
        root={"free": [1, RuntimeError("bad"), 2]},
    ),
    Case(
        "an exception as a required element",
        "{ hard }",
        {"hard": None},
        (Error(("hard", 1), "bad"),),
        root={"hard": [1, RuntimeError("bad"), 2]},
    ),
    Case(
        "elements that come later",
        "{ free }",
        {"free": [1, 2, None]},
        root={"free": gives(lambda: [soon(1), 2, soon(None)])},
    ),
    Case(
        "an element that fails later",
        "{ free }",
        {"free": [1, None]},
        (Error(("free", 1), "bad"),),
        root={"free": gives(lambda: [soon(1), soon(RuntimeError("bad"))])},
    ),
    Case(
        "a required element that fails later",
        "{ hard }",
        {"hard": None},
        (Error(("hard", 1), "bad"),),
        root={"hard": gives(lambda: [soon(1), soon(RuntimeError("bad"))])},
    ),
    Case(
        "a whole list that comes later",
        "{ books { title tags } }",
        {"books": [{"title": "a", "tags": ["x", None]}]},
        root={"books": later([{"title": "a", "tags": later(["x", None])}])},
    ),
    Case(
        "an element that cannot be printed",
        "{ free hard }",
        {"free": [1, None], "hard": None},
        (Error(("free", 1), BAD_INT), Error(("hard", 0), BAD_INT)),
        root={"free": [1, "x"], "hard": ["x"]},
    ),
    Case("a list of lists", "{ grid }", {"grid": [[1], None, [2, None]]}, root={"grid": [[1], None, [2, None]]}),
    Case(
        "something within a list of lists that is none",
        "{ grid }",
        {"grid": [[1], None]},
        (Error(("grid", 1), "Expected Iterable, but did not find one for field 'Query.grid'."),),
        root={"grid": [[1], 5]},
    ),
    Case(
        "null reaches the inner list only",
        "{ mixedGrid }",
        {"mixedGrid": [[1], None, [2]]},
        (no_null(("mixedGrid", 1, 0), "Query.mixedGrid"),),
        root={"mixedGrid": [[1], [None], [2]]},
    ),
    Case(
        "null reaches through two lists",
        "{ hardGrid free }",
        None,
        (no_null(("hardGrid", 1, 0), "Query.hardGrid"),),
        root={"hardGrid": [[1], [None]], "free": [1]},
    ),
    Case(
        "null instead of an inner list",
        "{ hardGrid }",
        None,
        (no_null(("hardGrid", 0), "Query.hardGrid"),),
        root={"hardGrid": [None, [1]]},
    ),
    Case(
        "inner lists that come later, and a generator among them",
        "{ grid }",
        {"grid": [[1], [2], [3]]},
        root={"grid": gives(lambda: [soon([1]), (one for one in [2]), (3,)])},
    ),
    Case(
        "objects three lists deep",
        "{ cube { title } }",
        {"cube": [[[{"title": "a"}, None]], None, [None, []]]},
        root={"cube": [[[{"title": "a"}, None]], None, [None, []]]},
    ),
    Case(
        "an object three lists deep fails",
        "{ cube { title } }",
        {"cube": [[[{"title": "a"}]], [[], [None, {"title": "b"}]]]},
        (Error(("cube", 1, 1, 0, "title"), "bad", ((1, 10),)),),
        root={"cube": [[[{"title": "a"}]], [[], [{"title": fails("bad")}, {"title": "b"}]]]},
    ),
    Case(
        "lists of lists within lists",
        "{ books { next { title pages } } }",
        {"books": [{"next": [[{"title": "a", "pages": [1]}], None]}, {"next": None}, None, {"next": [[]]}]},
        (no_null(("books", 0, "next", 1, 1, "title"), "Book.title"),),
        root={
            "books": [
                {"next": [[{"title": "a", "pages": [1]}], [{"title": "b"}, {"title": None}]]},
                {"next": None},
                None,
                {"next": [[]]},
            ]
        },
    ),
    Case(
        "the same object many times",
        "{ best { title } }",
        {"best": [{"title": "a"}] * 3},
        root={"best": [{"title": "a"}] * 3},
    ),
)

WORLDS = (World("lists", SHELF, shelf, CASES),)
