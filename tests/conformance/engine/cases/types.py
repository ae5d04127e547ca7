"""Interfaces and unions: which type a value turns out to be, what is asked of it then, and what can go wrong."""

from cases.model import Case, Error, World, fails, later, no_null, schema_of

TEXT = """
    interface Named { name: String }
    interface Living implements Named { name: String parent: Living }
    type Dog implements Living & Named { name: String parent: Living barks: Boolean size: Int! friends: [Named] }
    type Cat implements Living & Named { name: String parent: Living meows: Boolean size: String friends: [Named] }
    type Person implements Named { name: String pets: [Pet] friends: [Named] }
    type Rock { weight: Int }
    union Pet = Dog | Cat
    type Query { named: Named living: Living pet: Pet surePet: Pet! pets: [Pet] all: [Named!] dog: Dog rock: Rock }
"""


def animals():
    odie = {"__typename": "Dog", "name": "Odie", "barks": True, "size": 3}
    tom = {
        "__typename": "Cat",
        "name": "Tom",
        "meows": False,
        "size": "small",
        "parent": {"__typename": "Cat", "name": "Old Tom"},
    }
    ada = {"__typename": "Person", "name": "Ada", "pets": [odie, tom, None], "friends": [odie]}
    odie["friends"] = [ada, tom]
    odie["parent"] = {"__typename": "Dog", "name": "Rex", "size": 9}
    return {
        "named": ada,
        "living": later(odie),
        "pet": tom,
        "surePet": odie,
        "pets": [odie, tom],
        "all": [ada, odie, tom],
        "dog": odie,
    }


UNKNOWN = "Abstract type 'Pet' must resolve to an Object type at runtime for field 'Query.pet'"
ASKS = (
    ". Either the 'Pet' type should provide a 'resolve_type' function or each possible type should provide an "
    "'is_type_of' function."
)

BY_NAME = (
    Case(
        "the type's name",
        "{ named { __typename } pets { __typename } }",
        {"named": {"__typename": "Person"}, "pets": [{"__typename": "Dog"}, {"__typename": "Cat"}]},
    ),
    Case(
        "an interface's own fields",
        "{ all { name } living { name } }",
        {"all": [{"name": "Ada"}, {"name": "Odie"}, {"name": "Tom"}], "living": {"name": "Odie"}},
    ),
    Case(
        "a field of one of the types",
        "{ pets { ... on Dog { barks } ... on Cat { meows } } }",
        {"pets": [{"barks": True}, {"meows": False}]},
    ),
    Case("nothing for the other type", "{ pets { ... on Dog { barks } } }", {"pets": [{"barks": True}, {}]}),
    Case(
        "a fragment on an interface within a union",
        "{ pets { ... on Named { name } ... on Living { parent { name } } } }",
        {"pets": [{"name": "Odie", "parent": {"name": "Rex"}}, {"name": "Tom", "parent": {"name": "Old Tom"}}]},
    ),
    Case(
        "a fragment on a union within an interface",
        "{ all { ... on Pet { ... on Dog { barks } __typename } name } }",
        {
            "all": [
                {"name": "Ada"},
                {"barks": True, "__typename": "Dog", "name": "Odie"},
                {"__typename": "Cat", "name": "Tom"},
            ]
        },
    ),
    Case(
        "one key with another meaning in each type",
        "{ pets { ... on Dog { size } ... on Cat { mass: size } } }",
        {"pets": [{"size": 3}, {"mass": "small"}]},
    ),
    Case(
        "one key of several types, merged below",
        "{ all { ... on Person { friends { name } } ... on Dog { friends { __typename } } ... on Named { name } } }",
        {
            "all": [
                {"friends": [{"name": "Odie"}], "name": "Ada"},
                {"friends": [{"__typename": "Person"}, {"__typename": "Cat"}], "name": "Odie"},
                {"name": "Tom"},
            ]
        },
    ),
    Case(
        "selections of interface and object become one",
        "{ living { parent { name } ... on Dog { parent { __typename ... on Dog { size } } } } }",
        {"living": {"parent": {"name": "Rex", "__typename": "Dog", "size": 9}}},
    ),
    Case(
        "a fragment by name on a union",
        "{ pets { ...P } surePet { ...P } } fragment P on Pet { ... on Named { name } __typename }",
        {
            "pets": [{"name": "Odie", "__typename": "Dog"}, {"name": "Tom", "__typename": "Cat"}],
            "surePet": {"name": "Odie", "__typename": "Dog"},
        },
    ),
    Case(
        "unions below objects below interfaces",
        "{ named { ... on Person { pets { ... on Dog { friends { ... on Person { name } } } ... on Cat { name } "
        "} } } }",
        {"named": {"pets": [{"friends": [{"name": "Ada"}, {}]}, {"name": "Tom"}, None]}},
    ),
    Case(
        "null instead of an interface", "{ named { name } pet { __typename } }", {"named": None, "pet": None}, root={}
    ),
    Case(
        "a required union that is null",
        "{ surePet { __typename } }",
        None,
        (no_null(("surePet",), "Query.surePet"),),
        root={},
    ),
    Case(
        "a required field of one of the types",
        "{ pets { ... on Dog { size } ... on Cat { name } } }",
        {"pets": [None, {"name": "Tom"}]},
        (no_null(("pets", 0, "size"), "Dog.size", (1, 23)),),
        root={"pets": [{"__typename": "Dog"}, {"__typename": "Cat", "name": "Tom"}]},
    ),
    Case(
        "a failure in one of the types",
        "{ all { name ... on Cat { meows } } }",
        {"all": [{"name": "Ada"}, {"name": "Tom", "meows": None}]},
        (Error(("all", 1, "meows"), "hoarse"),),
        root={
            "all": [
                {"__typename": "Person", "name": "Ada"},
                {"__typename": "Cat", "name": "Tom", "meows": fails("hoarse")},
            ]
        },
    ),
    Case(
        "nobody knows the type",
        "{ pet { __typename } dog { name } }",
        {"pet": None, "dog": {"name": "Odie"}},
        (Error(("pet",), UNKNOWN + ASKS, ((1, 3),)),),
        root={"pet": {"name": "?"}, "dog": {"name": "Odie"}},
    ),
    Case(
        "nobody knows the type of one of several",
        "{ pets { __typename } }",
        {"pets": [{"__typename": "Dog"}, None]},
        (Error(("pets", 1), (UNKNOWN + ASKS).replace("Query.pet", "Query.pets")),),
        root={"pets": [{"__typename": "Dog"}, {}]},
    ),
    Case(
        "a type that there is not",
        "{ pet { __typename } }",
        {"pet": None},
        (Error(("pet",), "Abstract type 'Pet' was resolved to a type 'Fish' that does not exist inside the schema."),),
        root={"pet": {"__typename": "Fish"}},
    ),
    Case(
        "a type that is not one of these",
        "{ pet { __typename } }",
        {"pet": None},
        (Error(("pet",), "Runtime Object type 'Person' is not a possible type for 'Pet'."),),
        root={"pet": {"__typename": "Person"}},
    ),
    Case(
        "a type that is no object",
        "{ pet { __typename } }",
        {"pet": None},
        (Error(("pet",), "Abstract type 'Pet' was resolved to a non-object type 'Named'."),),
        root={"pet": {"__typename": "Named"}},
    ),
    Case(
        "one of the required ones is of no type",
        "{ all { name } dog { name } }",
        {"all": None, "dog": None},
        (
            Error(
                ("all", 0), "Abstract type 'Named' was resolved to a type 'Fish' that does not exist inside the schema."
            ),
        ),
        root={"all": [{"__typename": "Fish"}]},
    ),
    Case(
        "types are told apart value by value",
        "{ pets { ... on Cat { name } } }",
        {"pets": [{"name": "1"}, {}, {"name": "2"}, None, {}]},
        root={
            "pets": [
                {"__typename": "Cat", "name": "1"},
                {"__typename": "Dog"},
                {"__typename": "Cat", "name": "2"},
                None,
                {"__typename": "Dog"},
            ]
        },
    ),
)


WORLDS = (World("types by name", schema_of(TEXT), animals, BY_NAME),)
