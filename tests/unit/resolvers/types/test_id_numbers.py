"""M2: an ID that comes as a JSON number is an integer by its source text, or the variable is refused."""

import json
from urllib.parse import quote

import anyio
import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as some

from api.graphql.body import BodyLimits, read_graphql
from api.http.refusal import RequestRefused
from api.wire.incoming import Incoming
from resolvers.request.document_facts import collect_facts
from resolvers.request.documents import Document
from resolvers.request.variables import read_variables
from resolvers.schema import core_schema

LIMITS = BodyLimits(body_bytes=1_000_000, variables_bytes=500_000, query_characters=10_000)
# Where an ID may stand: the document, the variables around it, and what leads to it in the coerced variables.
PLACES = {
    "alone": ("query ($v: ID!) { node(id: $v) { id } }", "%s", ()),
    "list": ("query ($v: [ID!]!) { nodes(ids: $v) { id } }", '["x", %s]', (1,)),
    "one for a list": ("query ($v: [ID!]!) { nodes(ids: $v) { id } }", "%s", (0,)),
    "one of": (
        "query ($v: InstructionBy!) { instruction(by: $v) { id } }",
        '{"idempotencyKey": %s}',
        ("idempotencyKey",),
    ),
    "input": (
        "mutation ($v: CreateTradingAccountInput!) { createTradingAccount(input: $v) { __typename } }",
        '{"clientNumber": 1, "idempotencyKey": %s}',
        ("idempotencyKey",),
    ),
    "nested": (
        "mutation ($v: DepositInput!) { deposit(input: $v) { __typename } }",
        '{"account": {"id": %s}, "amount": "1", "currency": "USD", "idempotencyKey": "k"}',
        ("account", "id"),
    ),
}
DIGITS = some.text("0123456789", min_size=1, max_size=25)


@some.composite
def number_texts(draw):
    """The text of a JSON number, long ones and ones that differ in the last digit among them."""
    whole = draw(some.sampled_from(["0", "303456789012345678", "303456789012345671", "9007199254740993"]) | DIGITS)
    fraction = draw(some.sampled_from(["", "", ".0", ".00", ".5"]) | DIGITS.map(".{}".format))
    exponent = draw(some.sampled_from(["", "", "e0", "E+1", "e-1", "E400", "e-400"]))
    return draw(some.sampled_from(["", "-"])) + (whole.lstrip("0") or "0") + fraction + exponent


def incoming(method, *, body=b"", query=b""):
    async def receive():
        return {"type": "http.request", "body": body}

    headers = [(b"content-type", b"application/json")]
    return Incoming({"method": method, "headers": headers, "query_string": query}, receive)


def by_post(document, variables):
    return incoming("POST", body=f'{{"query": {json.dumps(document)}, "variables": {variables}}}'.encode())


def by_get(document, variables):
    return incoming("GET", query=f"query={quote(document)}&variables={quote(variables)}".encode())


def document_of(text):
    tree = parse(text)
    return Document(tree, collect_facts(tree, core_schema), {})


def read(place, text, method=by_post):
    """The ID that the schema reads from a number's text at a place; None where the variable is refused there."""
    document, around, way = PLACES[place]
    asked = anyio.run(read_graphql, method(document, f'{{"v": {around % text}}}'), LIMITS)
    known = document_of(asked.query)
    found = read_variables(core_schema, known, known.operation(None), asked.variables)
    if isinstance(found, list):
        assert all(error.locations for error in found)
        return None
    value = found.coerced["v"]
    for step in way:
        value = value[step]
    return value


@given(some.sampled_from(list(PLACES)), some.sampled_from([by_post, by_get]), number_texts(), number_texts())
def test_m2_two_number_texts_are_two_ids_or_refused_or_the_same_integer(place, method, one, other):
    first, second = read(place, one, method), read(place, other, method)

    assert first is None or second is None or (first == second) == (int(one) == int(other))


@given(some.sampled_from(list(PLACES)), number_texts())
def test_m2_an_id_from_a_number_is_its_digits_if_it_has_neither_fraction_nor_exponent(place, text):
    is_integer = text.lstrip("-").isdigit()

    assert read(place, text) == (str(int(text)) if is_integer else None)


@pytest.mark.parametrize(
    "text, identity",
    [
        ("0", "0"),
        ("-0", "0"),
        ("-7", "-7"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551616", "18446744073709551616"),
        ("-18446744073709551616", "-18446744073709551616"),
        ("9" * 400, "9" * 400),
        ("9" * 4300, "9" * 4300),
        ("303456789012345678.0", None),
        ("1.0", None),
        ("-0.0", None),
        ("0e0", None),
        ("1e3", None),
        ("1E400", None),
        ("true", None),
        ("[1]", None),
    ],
)
def test_m2_the_edges_of_numbers_as_ids(text, identity):
    assert read("alone", text) == identity


@pytest.mark.parametrize("text", ["+1", "01", "1.", ".5", "0x1", "1_0", "NaN", "Infinity", "1e", "--1", "\u0663"])
def test_m2_what_is_no_json_number_is_no_id(text):
    with pytest.raises(RequestRefused, match="is not JSON"):
        read("alone", text)


@pytest.mark.parametrize("digits", [4301, 10_000, 100_000])
def test_m2_an_integer_with_more_digits_than_are_read_is_refused_and_said_to_be_too_long(digits):
    with pytest.raises(RequestRefused, match="The body has an integer of more than 4300 digits"):
        read("alone", "1" * digits)


@pytest.mark.parametrize(
    "literal, identity", [("7", "7"), ("-0", "0"), ("-1", "-1"), ('"1.0"', "1.0"), ("1" * 30,) * 2]
)
def test_m2_a_literal_is_read_as_a_variable_is(literal, identity):
    known = document_of(f"query ($v: ID = {literal}) {{ node(id: $v) {{ id }} }}")

    assert read_variables(core_schema, known, known.operation(None), {}).coerced == {"v": identity}
