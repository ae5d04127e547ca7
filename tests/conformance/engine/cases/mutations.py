"""Mutations: one after another, each seeing what the last one did, failures or not."""

import asyncio

from cases.model import Case, Error, World, no_null, schema_of

COUNTER = schema_of("""
    type Query { number: Int }
    type Mutation {
      add(by: Int!): Count addLater(by: Int!): Count sure(by: Int!): Count!
      fail: Count failLater: Count sureFail: Count! twice: [Count!] plain: Int surePlain: Int!
    }
    type Count { number: Int later: Int sure: Int! deeper: Count }
""")


class Counter:
    """A number that mutations change. What is read later is as it is then."""

    def __init__(self):
        self.number = 0

    def add(self, _info, by):
        self.number += by
        return Count(self)

    async def addLater(self, info, by):  # noqa: N802 - the schema's name.
        await asyncio.sleep(0.001)
        return self.add(info, by)

    def sure(self, info, by):
        return None if by < 0 else self.add(info, by)

    def fail(self, _info):
        self.number += 100
        raise RuntimeError("cannot")

    async def failLater(self, info):  # noqa: N802 - the schema's name.
        await asyncio.sleep(0.001)
        self.fail(info)

    sureFail = fail  # noqa: N815 - the schema's name.

    def twice(self, info):
        return [self.add(info, 1), self.add(info, 1)]

    def plain(self, info):
        return self.add(info, 1).counter.number

    def surePlain(self, info):  # noqa: N802 - the schema's name.
        return self.add(info, 1).counter.number


class Count:
    def __init__(self, counter):
        self.counter = counter
        self.sure = None if counter.number == 13 else counter.number
        self.deeper = self if counter.number == 13 else None

    def number(self, _info):
        return self.counter.number

    async def later(self, _info):
        await asyncio.sleep(0.001)
        return self.counter.number


CASES = (
    Case("one", "mutation { add(by: 1) { number } }", {"add": {"number": 1}}),
    Case(
        "one after another, in the order of the document",
        "mutation { a: add(by: 1) { number } b: addLater(by: 2) { number } c: add(by: 4) { number } d: "
        "addLater(by: 8) { later } }",
        {"a": {"number": 1}, "b": {"number": 3}, "c": {"number": 7}, "d": {"later": 15}},
    ),
    Case(
        "each is read to the end before the next begins",
        "mutation { a: add(by: 1) { later } b: add(by: 1) { later number } }",
        {"a": {"later": 1}, "b": {"later": 2, "number": 2}},
    ),
    Case(
        "one that fails does not hold up the next",
        "mutation { a: add(by: 1) { number } fail { number } failLater { number } b: add(by: 1) { number } }",
        {"a": {"number": 1}, "fail": None, "failLater": None, "b": {"number": 202}},
        (Error(("fail",), "cannot", ((1, 37),)), Error(("failLater",), "cannot")),
    ),
    Case(
        "one that must not fail ends it",
        "mutation { a: add(by: 1) { number } sureFail { number } fail { number } }",
        None,
        (Error(("sureFail",), "cannot"),),
    ),
    Case(
        "one that must not be null ends it",
        "mutation { sure(by: -1) { number } fail { number } }",
        None,
        (no_null(("sure",), "Mutation.sure"),),
    ),
    Case(
        "null below one does not hold up the next",
        "mutation { add(by: 13) { sure } b: add(by: 1) { sure } }",
        {"add": None, "b": {"sure": 14}},
        (no_null(("add", "sure"), "Count.sure"),),
    ),
    Case(
        "null below one that must be ends it",
        "mutation { sure(by: 13) { deeper { number } sure } b: fail { sure } }",
        None,
        (no_null(("sure", "sure"), "Count.sure"),),
    ),
    Case(
        "null far below is taken there",
        "mutation { sure(by: 13) { deeper { sure } number } b: add(by: 1) { number } }",
        {"sure": {"deeper": None, "number": 13}, "b": {"number": 14}},
        (no_null(("sure", "deeper", "sure"), "Count.sure"),),
    ),
    Case(
        "in fragments",
        "mutation { ...M ... { c: add(by: 4) { number } } } fragment M on Mutation { a: add(by: 1) { number } "
        "b: addLater(by: 2) { number } }",
        {"a": {"number": 1}, "b": {"number": 3}, "c": {"number": 7}},
    ),
    Case(
        "one that is asked for twice is done once",
        "mutation { add(by: 1) { number } ... { add(by: 1) { later } } b: add(by: 1) { number } }",
        {"add": {"number": 1, "later": 1}, "b": {"number": 2}},
    ),
    Case(
        "one that is left out is not done",
        "mutation ($x: Boolean!) { a: add(by: 1) { number } b: add(by: 2) @skip(if: $x) { number } c: add(by: "
        "4) { number } }",
        {"a": {"number": 1}, "c": {"number": 5}},
        variables={"x": True},
    ),
    Case(
        "lists and plain values",
        "mutation { plain twice { number } surePlain __typename }",
        {"plain": 1, "twice": [{"number": 3}, {"number": 3}], "surePlain": 4, "__typename": "Mutation"},
    ),
    Case(
        "arguments by variables",
        "mutation ($by: Int! = 3) { add(by: $by) { number } b: add(by: $by) { number } }",
        {"add": {"number": 3}, "b": {"number": 6}},
    ),
)

WORLDS = (World("mutations", COUNTER, Counter, CASES),)
