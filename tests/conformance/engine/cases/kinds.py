"""Which type a value is, where the types themselves or their interface have to say so, at once or in a while."""

from cases.model import Case, Error, World, schema_of
from cases.types import ASKS, TEXT, UNKNOWN


def asked(answer):
    """Types that say of a value whether it is theirs, each in the given way."""

    def change(kind):
        def is_type_of(value, _info):
            return answer(kind.name, value)

        kind.is_type_of = is_type_of

    return change


def at_once(name, value):
    if value.get("throws") == name:
        raise RuntimeError(f"{name} cannot tell")
    return name in value["is"]


async def in_a_while(name, value):
    return at_once(name, value)


def mixed(name, value):
    return in_a_while(name, value) if name == "Cat" else at_once(name, value)


BY_ASKING = (
    Case(
        "each type is asked",
        "{ pets { __typename ... on Named { name } } }",
        {"pets": [{"__typename": "Cat", "name": "a"}, {"__typename": "Dog", "name": "b"}]},
        root={"pets": [{"is": ["Cat"], "name": "a"}, {"is": ["Dog"], "name": "b"}]},
    ),
    Case(
        "no type knows it",
        "{ pet { __typename } }",
        {"pet": None},
        (Error(("pet",), UNKNOWN + ASKS),),
        root={"pet": {"is": []}},
    ),
    Case(
        "an object's own type denies it",
        "{ dog { name } rock { weight } }",
        {"dog": None, "rock": {"weight": 1}},
        (Error(("dog",), "Expected value of type 'Dog' but got: {'is': ['Cat']}."),),
        root={"dog": {"is": ["Cat"]}, "rock": {"weight": 1}},
    ),
    Case(
        "an object's own type cannot tell",
        "{ dog { name } }",
        {"dog": None},
        (Error(("dog",), "Dog cannot tell", ((1, 3),)),),
        root={"dog": {"is": ["Dog"], "throws": "Dog"}},
    ),
    Case(
        "a type cannot tell of one of several",
        "{ pets { ... on Named { name } } }",
        {"pets": [{"name": "a"}, None]},
        (Error(("pets", 1), "Cat cannot tell"),),
        root={"pets": [{"is": ["Cat"], "name": "a"}, {"is": ["Cat"], "throws": "Cat"}]},
    ),
)


def resolving(answer):
    def change(kind):
        kind.resolve_type = lambda value, _info, _kind: answer(value)

    return change


async def soon(value):
    return known(value)


def known(value):
    if isinstance(value["type"], Exception):
        raise value["type"]
    return value["type"]


BY_RESOLVING = (
    Case(
        "a type's name that is no text",
        "{ pet { __typename } }",
        {"pet": None},
        (Error(("pet",), UNKNOWN + " with value {'type': 3}, received '3', which is not a valid Object type name."),),
        root={"pet": {"type": 3}},
    ),
    Case(
        "the interface says which",
        "{ pets { __typename } }",
        {"pets": [{"__typename": "Cat"}, {"__typename": "Dog"}]},
        root={"pets": [{"type": "Cat"}, {"type": "Dog"}]},
    ),
    Case(
        "it says nothing",
        "{ pet { __typename } }",
        {"pet": None},
        (Error(("pet",), UNKNOWN + ASKS),),
        root={"pet": {"type": None}},
    ),
    Case(
        "it says another thing",
        "{ pet { __typename } }",
        {"pet": None},
        (Error(("pet",), "Runtime Object type 'Rock' is not a possible type for 'Pet'."),),
        root={"pet": {"type": "Rock"}},
    ),
    Case(
        "it fails for one of several",
        "{ pets { __typename } }",
        {"pets": [None, {"__typename": "Dog"}]},
        (Error(("pets", 0), "no idea"),),
        root={"pets": [{"type": RuntimeError("no idea")}, {"type": "Dog"}]},
    ),
)


def world(name, cases, **changes):
    return World(name, schema_of(TEXT, **changes), dict, cases)


WORLDS = (
    *(
        world(f"types that are asked, {way.__name__}", BY_ASKING, Dog=asked(way), Cat=asked(way))
        for way in (at_once, in_a_while, mixed)
    ),
    *(world(f"types that are resolved, {way.__name__}", BY_RESOLVING, Pet=resolving(way)) for way in (known, soon)),
)
