"""Input objects: nested, with defaults, with names of their own inside; one of several; scalars over anything."""

from cases.arguments import located, refuses, says, told
from cases.model import World, schema_of

FORM = schema_of(
    """
    directive @unused on FIELD
    scalar Anything
    input Order { id: ID! lines: [Line!] = [{ what: "tea" }] note: String = "none" inner: Order way: Way any: Anything }
    input Line { what: String! count: Int! = 1 }
    input Way @oneOf { byId: ID byName: String byLine: Line }
    type Query {
      order(order: Order, orders: [Order!]): String way(way: Way!): String named(fooBar: Named): String
      any(a: Anything): String
    }
    input Named { someKey: Int otherKey: Int = 3 }
    """,
    Query=lambda kind: setattr(kind.fields["named"].args["fooBar"], "out_name", "foo_bar"),
    Named=lambda kind: (
        setattr(kind.fields["someKey"], "out_name", "some_key"),
        setattr(kind.fields["otherKey"], "out_name", "other_key"),
    ),
)

TEA = "'lines': [{'what': 'tea', 'count': 1}]"


def form():
    return dict.fromkeys(("order", "way", "named", "any"), told)


CASES = (
    says(
        "an input object with its defaults",
        'order(order: {id: "1"})',
        f"{{'order': {{'id': '1', {TEA}, 'note': 'none'}}}}",
    ),
    says(
        "null instead of defaults",
        "order(order: {id: 1 lines: null note: null})",
        "{'order': {'id': '1', 'lines': None, 'note': None}}",
    ),
    says(
        "an input object where a list of them is wanted",
        'order(orders: {id: 1 lines: {what: "x"} note: "y"})',
        "{'orders': [{'id': '1', 'lines': [{'what': 'x', 'count': 1}], 'note': 'y'}]}",
    ),
    says(
        "an input object in a variable",
        "order(order: $o)",
        f"{{'order': {{'id': '1', {TEA}, 'note': 'none', 'inner': {{'id': '2', {TEA}, 'note': 'x'}}}}}}",
        "($o: Order)",
        {"o": {"id": "1", "inner": {"id": 2, "note": "x"}}},
    ),
    says(
        "an input object in a variable's default",
        "order(order: $o)",
        "{'order': {'id': '1', 'lines': [], 'note': 'none'}}",
        '($o: Order = {id: "1", lines: []})',
    ),
    says(
        "variables within an input object",
        "order(order: {id: $i note: $n lines: [{what: $n count: $c}]})",
        "{'order': {'id': '5', 'lines': [{'what': 'x', 'count': 1}], 'note': 'x'}}",
        "($i: ID! $n: String! $c: Int = 1)",
        {"i": 5, "n": "x"},
    ),
    says(
        "an absent variable within an input object leaves the default",
        "order(order: {id: 1 lines: [] note: $n})",
        "{'order': {'id': '1', 'lines': [], 'note': 'none'}}",
        "($n: String)",
    ),
    says(
        "a variable that is null within an input object does not",
        "order(order: {id: 1 lines: [] note: $n})",
        "{'order': {'id': '1', 'lines': [], 'note': None}}",
        "($n: String)",
        {"n": None},
    ),
    says("null for an input object", "order(order: $o)", "{'order': None}", "($o: Order)", {"o": None}),
    located(
        "a null where the input object must have something",
        "order(order: {id: $i})",
        "($i: ID = 1)",
        {"i": None},
        "Argument 'order' has invalid value at .id: Expected variable '$i' provided to non-null type 'ID!' not "
        "to be None.",
    ),
    refuses(
        "something is missing",
        "order(order: $o)",
        "($o: Order)",
        {"o": {}},
        "Variable '$o' has invalid value: Expected value of type 'Order' to include required field 'id', found: {}.",
    ),
    refuses(
        "something is missing far inside",
        "order(order: $o)",
        "($o: Order)",
        {"o": {"id": 1, "inner": {"id": 2, "lines": [{"what": "a"}, {}]}}},
        "Variable '$o' has invalid value at .inner.lines[1]: Expected value of type 'Line' to include required "
        "field 'what', found: {}.",
    ),
    refuses(
        "something is null that must not be",
        "order(order: $o)",
        "($o: Order)",
        {"o": {"id": None}},
        "Variable '$o' has invalid value at .id: Expected value of non-null type 'ID!' not to be None.",
    ),
    refuses(
        "something is there that nobody knows",
        "order(order: $o)",
        "($o: Order)",
        {"o": {"id": 1, "zebra": 1}},
        "Variable '$o' has invalid value: Expected value of type 'Order' not to include unknown field 'zebra', "
        "found: {'id': 1, 'zebra': 1}.",
    ),
    refuses(
        "a text for an input object",
        "order(order: $o)",
        "($o: Order)",
        {"o": "1"},
        "Variable '$o' has invalid value: Expected value of type 'Order' to be an object, found: '1'.",
    ),
    says("names of their own inside", "named(fooBar: {someKey: 1})", "{'foo_bar': {'some_key': 1, 'other_key': 3}}"),
    says(
        "names of their own inside a variable",
        "named(fooBar: $f)",
        "{'foo_bar': {'some_key': 2, 'other_key': 4}}",
        "($f: Named)",
        {"f": {"someKey": 2, "otherKey": 4}},
    ),
    says("one of several", 'way(way: {byName: "x"})', "{'way': {'byName': 'x'}}"),
    says("another one of several", 'way(way: {byLine: {what: "x"}})', "{'way': {'byLine': {'what': 'x', 'count': 1}}}"),
    says("one of several in a variable", "way(way: $w)", "{'way': {'byId': '7'}}", "($w: Way!)", {"w": {"byId": 7}}),
    says(
        "one of several, whose value is a variable",
        "way(way: {byId: $i})",
        "{'way': {'byId': '7'}}",
        "($i: ID!)",
        {"i": 7},
    ),
    says(
        "one of several within an input object",
        "order(order: {id: 1 lines: [] note: null way: {byId: 2}})",
        "{'order': {'id': '1', 'lines': [], 'note': None, 'way': {'byId': '2'}}}",
    ),
    refuses(
        "two of several",
        "way(way: $w)",
        "($w: Way!)",
        {"w": {"byId": 7, "byName": "x"}},
        "Variable '$w' has invalid value: Within OneOf Input Object type 'Way', exactly one field must be "
        "specified, and the value for that field must be non-null.",
    ),
    refuses(
        "none of several",
        "way(way: $w)",
        "($w: Way!)",
        {"w": {}},
        "Variable '$w' has invalid value: Within OneOf Input Object type 'Way', exactly one field must be "
        "specified, and the value for that field must be non-null.",
    ),
    refuses(
        "one of several, which is null",
        "way(way: $w)",
        "($w: Way!)",
        {"w": {"byId": None}},
        "Variable '$w' has invalid value at .byId: Within OneOf Input Object type 'Way', exactly one field must "
        "be specified, and the value for that field must be non-null.",
    ),
    says(
        "anything at all",
        'any(a: {a: [1, "x", true, null], b: 1.5, c: ENUM})',
        "{'a': {'a': [1, 'x', True, None], 'b': 1.5, 'c': 'ENUM'}}",
    ),
    says(
        "anything at all with variables within",
        "any(a: {a: [$x], b: $y})",
        "{'a': {'a': [3], 'b': {'z': None}}}",
        "($x: Int $y: Anything)",
        {"x": 3, "y": {"z": None}},
    ),
    says("anything at all in a variable", "any(a: $x)", "{'a': [{'k': []}]}", "($x: Anything)", {"x": [{"k": []}]}),
)

WORLDS = (World("inputs", FORM, form, CASES),)
